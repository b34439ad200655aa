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
    const folder = path.dirname(file)
    if (file.endsWith('.json')) {
      for (const component of componentsIn(file)) this.keepComponent(component, file)
    } else if (file.endsWith('.js')) {
      for (const wanted of importsOf(read(file))) {
        const isOwn = wanted.startsWith('.')
        this.keepScript(
          isOwn ? path.resolve(folder, wanted) : path.join(home, 'miniprogram_npm', wanted),
          file,
        )
      }
    } else for (const wanted of referencesOf(read(file))) this.#keep(path.resolve(folder, wanted))
  }
}

/** @param {string} file */
const isFile = (file) => fs.statSync(file, { throwIfNoEntry: false })?.isFile() ?? false

/** @param {string} script */
const importsOf = (script) => matches(script, /(?:\bfrom|\bimport|\brequire\()\s*["']([\w@./-]+)["']/g)

/** Templates, WXS and style sheets. @param {string} text */
const referencesOf = (text) => matches(text, /(?:src=|@import\s*|require\()\s*["']([^"']+)["']/g)

/** @param {string} text @param {RegExp} pattern */
const matches = (text, pattern) => Array.from(text.matchAll(pattern), ([, found]) => found)
