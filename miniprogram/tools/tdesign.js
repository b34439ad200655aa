/** The part of TDesign that the program uses: the components it names, and whatever their files name. */
import fs from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { Mistake, filesBelow, read } from './paths.js'

const PACKAGE = 'tdesign-miniprogram'

/** Folder of TDesign's build for WeChat. */
export const home = path.join(
  path.dirname(createRequire(import.meta.url).resolve(`${PACKAGE}/package.json`)),
  'miniprogram_dist',
)

/** @param {string} source folder of the program @returns {string[]} absolute names of the used files, sorted */
export function usedFiles(source) {
  const closure = new Closure()
  for (const file of filesBelow(source, /\.json$/)) {
    for (const component of componentsIn(file)) closure.keepComponent(component, file)
  }
  for (const file of filesBelow(source, /\.ts$/)) {
    for (const [, wanted] of read(file).matchAll(
      /^import (?!type ).*from '(tdesign-miniprogram\/[^']+)'/gm,
    )) {
      closure.keepScript(inPackage(wanted), file)
    }
  }
  return [...closure.files].sort()
}

/** @param {string} wanted */
const inPackage = (wanted) => path.join(home, wanted.slice(PACKAGE.length))

/** @param {string} file @returns {string[]} TDesign's components that a JSON file names, without ending */
function componentsIn(file) {
  const { usingComponents = {}, componentGenerics = {} } = JSON.parse(read(file))
  const generics = Object.values(componentGenerics).map((generic) => generic?.default ?? '')
  const isTheirs = file.startsWith(home)
  return [...Object.values(usingComponents), ...generics].flatMap((name) => {
    if (name.startsWith(`${PACKAGE}/`)) return inPackage(name)
    return isTheirs && name ? path.resolve(path.dirname(file), name) : []
  })
}

class Closure {
  /** @type {Set<string>} */
  files = new Set()

  /** @param {string} component without ending @param {string} from */
  keepComponent(component, from) {
    if (!fs.existsSync(`${component}.json`))
      throw new Mistake(`${from}: TDesign has no ${component.slice(home.length + 1)}`)
    for (const ending of ['.json', '.js', '.wxml', '.wxss']) this.#keep(component + ending)
  }

  /** @param {string} script without ending @param {string} from */
  keepScript(script, from) {
    const found = [`${script}.js`, path.join(script, 'index.js'), script].find(isFile)
    if (found === undefined) throw new Mistake(`${from}: no script ${script}`)
    this.#keep(found)
  }

  /** @param {string} file */
  #keep(file) {
    if (this.files.has(file) || !isFile(file)) return
    this.files.add(file)
    if (file.endsWith('.json')) componentsIn(file).forEach((component) => this.keepComponent(component, file))
    else if (file.endsWith('.js')) importsOf(file).forEach((script) => this.keepScript(script, file))
    else referencesOf(file).forEach((wanted) => this.#keep(wanted))
  }
}

/** @param {string} file */
const isFile = (file) => fs.statSync(file, { throwIfNoEntry: false })?.isFile() ?? false

/** @param {string} file a script @returns {string[]} the scripts it imports, without ending */
function importsOf(file) {
  const inside = path.join(home, 'miniprogram_npm')
  return named(file, /(?:\bfrom|\bimport|\brequire\()\s*["']([\w@./-]+)["']/g).map((wanted) =>
    wanted.startsWith('.') ? path.resolve(path.dirname(file), wanted) : path.join(inside, wanted),
  )
}

/** @param {string} file a template, WXS or style sheet @returns {string[]} the files it names */
function referencesOf(file) {
  const wanted = named(file, /(?:src=|@import\s*|require\()\s*["']([^"']+)["']/g)
  return wanted.map((name) => path.resolve(path.dirname(file), name))
}

/** @param {string} file @param {RegExp} pattern */
const named = (file, pattern) => Array.from(read(file).matchAll(pattern), ([, found]) => found)
