/** Files that go into the output as they are, under a name that holds their content's hash. */
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { filesBelow } from './files.js'

const MEDIA = /\.(png|jpe?g|gif|webp|svg|ico|mp3|m4a|wav|aac|mp4|woff2?|ttf|otf)$/i

/** @param {Buffer | Uint8Array} content */
export const hashOf = (content) =>
  createHash('sha256').update(content).digest('hex').slice(0, 8).toUpperCase()

export class Assets {
  /** @type {Map<string, string>} output name -> source file, of sheets: they name a file once and are then remembered */
  #ofSheets = new Map()
  /** @type {Map<string, string>} the same of the program's folder */
  #ofProgram = new Map()

  /** @param {import('./config.js').Config} config @param {import('./files.js').FileCache} cache */
  constructor(config, cache) {
    this.config = config
    this.cache = cache
  }

  /** @param {string} file @param {Map<string, string>} outputs @returns {string} address relative to index.html */
  #add(file, outputs) {
    const hash = this.cache.getBinary('hash', file, hashOf)
    const { name, ext } = path.parse(file)
    const output = `assets/${name}-${hash}${ext}`
    outputs.set(output, file)
    return './' + output
  }

  /** Pictures, sounds and fonts of the program, by the path its templates name them with. */
  ofProgram() {
    const { root } = this.config
    this.#ofProgram.clear()
    const files = filesBelow(root, MEDIA)
    return Object.fromEntries(
      files.map((file) => ['/' + file, this.#add(path.join(root, file), this.#ofProgram)]),
    )
  }

  /** @param {string} url as written in WXSS */
  rewriteUrl(url) {
    const replaced = this.config.assets.find(({ match }) => match.test(url))
    return replaced ? this.#add(replaced.file, this.#ofSheets) : url
  }

  /** @returns {Map<string, Buffer>} */
  contents() {
    return new Map(
      Array.from([...this.#ofSheets, ...this.#ofProgram], ([name, file]) => [name, fs.readFileSync(file)]),
    )
  }
}
