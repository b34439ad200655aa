/** A program as its JSON files tell it: pages, sub-packages, components, and the chunk each of them belongs to. */
import { transformSync } from 'esbuild'
import path from 'node:path'
import { isFile, scriptOf } from './files.js'
import { placeOfString, tell } from './problem.js'

/** @typedef {import('./problem.js').Problem} Problem */

/**
 * @typedef {object} Unit a page or a component
 * @property {string} path in the program, without ending
 * @property {string} file absolute, without ending
 * @property {boolean} isPage
 * @property {Record<string, any>} json with components resolved
 * @property {string | undefined} scope prefix of its classes; none where styles are shared with the app
 * @property {string[]} uses paths of the components it uses
 * @property {string} chunk root of its sub-package; '' is the main package
 */

/**
 * @typedef {object} Project
 * @property {Record<string, any>} app app.json completed as the runtime expects it
 * @property {Unit[]} units components before their users
 * @property {Problem[]} problems
 * @property {(path: string) => string} at file of a path in the program, without ending
 */

/** @param {import('./config.js').Config} config @param {import('./files.js').FileCache} cache @returns {Project} */
export function readProject(config, cache) {
  const reader = new Reader(config, cache)
  const app = reader.readApp()
  for (const { page } of reader.pages) reader.visit(page, true)
  const units = [...reader.units.values()]
  assignChunks(units, app.subPackages)
  return { app, units, problems: reader.problems, at: (unit) => reader.at(unit) }
}

class Reader {
  /** @type {Map<string, Unit>} units in the order in which they are complete: dependencies first */
  units = new Map()
  /** @type {Problem[]} */
  problems = []
  /** @type {{ page: string, written: string }[]} */
  pages = []
  /** @type {Set<string>} */
  #open = new Set()
  /** @type {Record<string, string>} components of app.json, for every unit */
  #global = {}
  #appText = ''

  /** @param {import('./config.js').Config} config @param {import('./files.js').FileCache} cache */
  constructor(config, cache) {
    this.config = config
    this.cache = cache
    this.appFile = path.join(config.root, 'app.json')
  }

  /** @param {string} unit path of a component or page, npm packages included @returns {string} file name without ending */
  at(unit) {
    const { root, npm, modules } = this.config
    if (!unit.startsWith('miniprogram_npm/')) return path.join(root, unit)
    const inside = unit.slice('miniprogram_npm/'.length)
    const name = Object.keys(modules).find((module) => inside.startsWith(module + '/'))
    return name ? path.join(modules[name], inside.slice(name.length)) : path.join(npm, inside)
  }

  /** @param {string} file @returns {{ json: Record<string, any>, text: string }} an empty object after a problem */
  #json(file) {
    const { json, text, problem } = this.cache.get('json', file, (source) => parseJson(source, file))
    if (problem) this.problems.push(problem)
    return { json: structuredClone(json), text }
  }

  /** @param {string} file @param {string} text @param {string} mentioned @param {string} what */
  #wrong(file, text, mentioned, what) {
    const problem = { file, ...placeOfString(text, mentioned), text: what }
    if (!this.problems.some((known) => tell(known) === tell(problem))) this.problems.push(problem)
  }

  /** @returns {Record<string, any>} */
  readApp() {
    if (!isFile(this.appFile)) {
      const text = 'no such file: a program starts with app.json'
      this.problems.push({ file: this.appFile, line: 1, column: 1, text })
      return { pages: [], subPackages: [] }
    }
    const { json, text } = this.#json(this.appFile)
    /** @type {Record<string, any>} */
    const whole = { usingComponents: {}, pages: [], subPackages: [], ...json }
    const { usingComponents, subpackages, ...app } = whole
    const subPackages = (subpackages ?? app.subPackages).map(subPackageOf)
    this.#global = usingComponents
    this.#appText = text
    this.pages = pagesOf(app.pages, subPackages)
    if (!this.pages.length && !this.problems.length)
      this.#wrong(this.appFile, text, 'pages', '"pages" is empty')
    this.#checkPages(text, app)
    return { ...app, pages: this.pages.map(({ page }) => page), subPackages, ...this.#theme(app, text) }
  }

  /** @param {string} text @param {Record<string, any>} app */
  #checkPages(text, app) {
    this.pages = this.pages.filter(({ page, written }) => {
      const missing = this.#missingOf(page)
      if (missing) this.#wrong(this.appFile, text, written, `page not found: ${page} (no ${page}${missing})`)
      return !missing
    })
    for (const { pagePath } of app.tabBar?.list ?? []) {
      const known = app.pages?.includes(pagePath)
      if (!known)
        this.#wrong(this.appFile, text, 'tabBar', `tabBar: ${pagePath} is no page of the main package`)
    }
  }

  /** @param {string} unit @returns {string | undefined} what a unit lacks: its template or its script */
  #missingOf(unit) {
    const file = this.at(unit)
    if (!isFile(file + '.wxml')) return '.wxml'
    return scriptOf(file) ? undefined : '.ts or .js'
  }

  /** @param {Record<string, any>} app @param {string} text */
  #theme(app, text) {
    if (!app.themeLocation) return {}
    const file = path.join(this.config.root, app.themeLocation)
    if (isFile(file)) return { theme: this.#json(file).json }
    this.#wrong(this.appFile, text, app.themeLocation, `theme not found: ${app.themeLocation}`)
    return {}
  }

  /** @param {string} unit @param {boolean} isPage */
  visit(unit, isPage) {
    if (this.units.has(unit) || this.#open.has(unit)) return
    this.#open.add(unit)
    const file = this.at(unit)
    const { json, text } = isFile(file + '.json') ? this.#json(file + '.json') : { json: {}, text: '' }
    // unless it says otherwise a page has plain classes: its sheet and the app's reach what in it takes styles from outside
    if (isPage) json.styleIsolation ??= 'shared'
    else this.#checkComponent(unit, json, text)
    const uses = this.#resolveUses(unit, json, text)
    for (const used of uses) this.visit(used, false)
    const scope = scopeName(unit, json.styleIsolation, this.units.size)
    this.units.set(unit, { path: unit, file, isPage, json, scope, uses, chunk: '' })
  }

  /** @param {string} unit @param {Record<string, any>} json @param {string} text */
  #checkComponent(unit, json, text) {
    const file = this.at(unit) + '.json'
    if (json.component !== true) this.#wrong(file, text, 'component', '"component": true is missing')
    const missing = this.#missingOf(unit)
    if (missing) this.#wrong(file, text, 'component', `component not complete: no ${unit}${missing}`)
  }

  /**
   * Makes the paths of components in a unit's JSON absolute.
   * @param {string} unit
   * @param {Record<string, any>} json
   * @param {string} text
   * @returns {string[]} paths of the units it uses
   */
  #resolveUses(unit, json, text) {
    /** @type {string[]} */
    const uses = []
    json.usingComponents = this.#resolveAll(unit, json.usingComponents ?? {}, text, uses)
    for (const generic of Object.values(json.componentGenerics ?? {})) {
      if (generic.default)
        generic.default = this.#resolve(unit, generic.default, this.at(unit) + '.json', text, uses)
    }
    return uses
  }

  /**
   * Components named by a unit, and those of app.json that it does not name itself.
   * @param {string} from
   * @param {Record<string, string>} named
   * @param {string} text
   * @param {string[]} uses
   */
  #resolveAll(from, named, text, uses) {
    /** @type {Record<string, string>} */
    const resolved = {}
    for (const [tag, target] of Object.entries(named)) {
      const found = this.#resolve(from, target, this.at(from) + '.json', text, uses)
      if (found) resolved[tag] = found
    }
    for (const [tag, target] of Object.entries(this.#global)) {
      if (tag in named) continue
      const found = this.#resolve('app', target, this.appFile, this.#appText, uses)
      if (found && found !== '/' + from) resolved[tag] = found
    }
    return resolved
  }

  /**
   * @param {string} from
   * @param {string} target as written
   * @param {string} file JSON file in which it is written
   * @param {string} text of that file
   * @param {string[]} uses
   * @returns {string | undefined} with a leading slash
   */
  #resolve(from, target, file, text, uses) {
    const beside = path.posix.join(path.posix.dirname(from), target)
    const tries = target.startsWith('/') ? [target.slice(1)] : [beside, 'miniprogram_npm/' + target]
    const found = tries
      .flatMap((name) => [name, name + '/index'])
      .find((name) => isFile(this.at(name) + '.json'))
    if (found === undefined) {
      this.#wrong(file, text, target, `component not found: ${target}`)
      return undefined
    }
    uses.push(found)
    return '/' + found
  }
}

/**
 * Every page's path, with how app.json writes it.
 * @param {string[]} main
 * @param {{ root: string, pages: string[] }[]} subPackages
 */
const pagesOf = (main, subPackages) => [
  ...main.map((page) => ({ page, written: page })),
  ...subPackages.flatMap(({ root, pages }) =>
    pages.map((written) => ({ page: path.posix.join(root, written), written })),
  ),
]

/** @param {{ root: string, name?: string, pages?: string[] }} declared */
function subPackageOf({ root, name, pages = [] }) {
  const trimmed = root.replace(/^\/|\/$/g, '')
  return name === undefined ? { root: trimmed, pages } : { root: trimmed, name, pages }
}

/** @param {string} text @param {string} file @returns {{ json: Record<string, any>, text: string, problem?: Problem }} */
function parseJson(text, file) {
  try {
    return { json: JSON.parse(text), text }
  } catch {
    return { json: {}, text, problem: jsonProblem(text, file) }
  }
}

/** JSON.parse tells no column in every version of Node; esbuild's reader of JSON does. @param {string} text @param {string} file */
function jsonProblem(text, file) {
  try {
    transformSync(text, { loader: 'json', logLevel: 'silent' })
  } catch (error) {
    const [{ text: what, location }] = /** @type {import('esbuild').TransformFailure} */ (error).errors
    const { line = 1, column = 0 } = location ?? {}
    return { file, line, column: column + 1, text: 'JSON: ' + what }
  }
  return { file, line: 1, column: 1, text: 'JSON: not valid' }
}

/**
 * Classes of an isolated unit get a prefix of their own; those of a shared one are the app's.
 * @param {string} unit
 * @param {string | undefined} isolation
 * @param {number} number
 */
function scopeName(unit, isolation, number) {
  const shared = isolation === 'shared' || isolation === 'page-shared'
  const name = path.posix.basename(unit).replace(/[^\w-]|^(?=\d)/g, '_')
  return shared ? undefined : `${name}-${number.toString(36)}`
}

/**
 * A component used inside one sub-package alone travels with it, any other with the main package.
 * @param {Unit[]} units
 * @param {{ root: string }[]} subPackages
 */
function assignChunks(units, subPackages) {
  const byPath = new Map(units.map((unit) => [unit.path, { unit, chunks: new Set() }]))
  /** @param {string} path @param {string} chunk */
  const mark = (path, chunk) => {
    const known = byPath.get(path)
    if (!known || known.chunks.has(chunk)) return
    known.chunks.add(chunk)
    for (const used of known.unit.uses) mark(used, chunk)
  }
  /** @param {Unit} page */
  const rootOf = (page) => subPackages.find(({ root }) => page.path.startsWith(root + '/'))?.root ?? ''
  for (const unit of units) if (unit.isPage) mark(unit.path, rootOf(unit))
  for (const { unit, chunks } of byPath.values()) {
    if (chunks.size === 1) [unit.chunk] = chunks
  }
}
