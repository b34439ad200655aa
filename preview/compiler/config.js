/** The preview's configuration of one program, with every path made absolute. */
import fs from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'

/**
 * What a config file exports; paths are relative to the file.
 * @typedef {object} ConfigSource
 * @property {string} root folder of app.json
 * @property {string} out folder to write
 * @property {string} [npm] folder of built npm packages (WeChat's miniprogram_npm)
 * @property {Record<string, string>} [modules] bare module name -> folder, before `npm`
 * @property {string} [host] module whose default export answers for WeChat (see runtime/host.ts)
 * @property {{ match: RegExp, file: string }[]} [assets] addresses in WXSS -> local files that take their place
 * @property {import('../runtime/contract.d.ts').Early[]} [early] what the first page asks for, sent before the program's code has come
 * @property {string} [title] of the browser's tab until the first page is shown
 */

/**
 * @typedef {object} Config
 * @property {string} root
 * @property {string} out
 * @property {string} npm
 * @property {Record<string, string>} modules
 * @property {string | undefined} host
 * @property {{ match: RegExp, file: string }[]} assets
 * @property {import('../runtime/contract.d.ts').Early[]} early
 * @property {string} title
 */

/** @param {string} file @returns {Promise<Config>} */
export async function loadConfig(file) {
  const absolute = path.resolve(file)
  if (!fs.existsSync(absolute)) throw new Error(`${file}: no such configuration`)
  const { default: source } = await import(pathToFileURL(absolute).href)
  return completeConfig(source, path.dirname(absolute))
}

/** @type {Pick<Config, 'modules' | 'assets' | 'early' | 'title'>} */
const DEFAULTS = { modules: {}, assets: [], early: [], title: '' }

/** @param {ConfigSource} source @param {string} folder @returns {Config} */
export function completeConfig(source, folder) {
  if (typeof source?.root !== 'string' || typeof source.out !== 'string') {
    throw new Error('configuration: "root" and "out" are needed')
  }
  const { root, out, npm, modules, host, assets, early, title } = { ...DEFAULTS, ...source }
  /** @param {string} file */
  const at = (file) => path.resolve(folder, file)
  return {
    root: at(root),
    out: at(out),
    npm: at(npm ?? path.join(root, 'miniprogram_npm')),
    modules: Object.fromEntries(Object.entries(modules).map(([name, target]) => [name, at(target)])),
    host: host && at(host),
    assets: assets.map(({ match, file }) => ({ match, file: at(file) })),
    early,
    title,
  }
}
