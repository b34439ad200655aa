/** Reads of the file system, remembered as long as a file does not change. */
import fs from 'node:fs'
import path from 'node:path'

/** @param {string} file */
export const isFile = (file) => fs.statSync(file, { throwIfNoEntry: false })?.isFile() ?? false

/** @param {string} file name without its ending @returns {string | undefined} the script, TypeScript first */
export const scriptOf = (file) => [file + '.ts', file + '.js'].find(isFile)

/** What was made of a file's text, kept by modification time and size: a sheet used by thirty components is parsed once. */
export class FileCache {
  /** @type {Map<string, { stamp: string, made: unknown }>} */
  #made = new Map()

  /**
   * @template T
   * @param {string} kind what is made, so that one file can be the source of several things
   * @param {string} file
   * @param {(text: string) => T} make
   * @returns {T}
   */
  get(kind, file, make) {
    return this.#keep(kind, file, () => make(fs.readFileSync(file, 'utf8')))
  }

  /** @template T @param {string} kind @param {string} file @param {(content: Buffer) => T} make @returns {T} */
  getBinary(kind, file, make) {
    return this.#keep(kind, file, () => make(fs.readFileSync(file)))
  }

  /** @template T @param {string} kind @param {string} file @param {() => T} make @returns {T} */
  #keep(kind, file, make) {
    const { mtimeMs, size } = fs.statSync(file)
    const key = kind + '\0' + file
    const stamp = `${mtimeMs}:${size}`
    const known = this.#made.get(key)
    if (known?.stamp === stamp) return /** @type {T} */ (known.made)
    const made = make()
    this.#made.set(key, { stamp, made })
    return made
  }
}

/**
 * Files below a folder whose name matches, without hidden folders and installed packages.
 * @param {string} folder
 * @param {RegExp} name
 * @returns {string[]} paths relative to the folder, with slashes
 */
export function filesBelow(folder, name) {
  const skip = /^(\.|node_modules$|miniprogram_npm$)/
  /** @type {string[]} */
  const found = []
  /** @param {string} below */
  const walk = (below) => {
    for (const entry of fs.readdirSync(path.join(folder, below), { withFileTypes: true })) {
      if (skip.test(entry.name)) continue
      const file = path.posix.join(below, entry.name)
      if (entry.isDirectory()) walk(file)
      else if (name.test(entry.name)) found.push(file)
    }
  }
  walk('')
  return found.sort()
}
