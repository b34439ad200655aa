/** Where the parts of the mini program are, read and written. */
import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const folder = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..')

export const source = path.join(folder, 'src')
export const dist = path.resolve(folder, '../dist')
/** npm packages as WeChat wants them, for the build of WeChat and of the preview alike. */
export const npm = path.join(dist, 'miniprogram_npm')
export const weapp = path.join(dist, 'weapp')
export const projectConfig = path.join(folder, 'project.config.json')

/**
 * Every file below a folder, sorted.
 * @param {string} below
 * @param {RegExp} [name]
 * @returns {string[]} absolute
 */
export function filesBelow(below, name = /./) {
  return fs
    .readdirSync(below, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && name.test(entry.name))
    .map((entry) => path.join(entry.parentPath, entry.name))
    .sort()
}

/** @param {string} file */
export const read = (file) => fs.readFileSync(file, 'utf8')

/** @param {string} file @param {string | Buffer} content */
export function write(file, content) {
  fs.mkdirSync(path.dirname(file), { recursive: true })
  fs.writeFileSync(file, content)
}

/** A mistake in the program, to be told without a stack. */
export class Mistake extends Error {}

/** Run a tool: what it returns is printed, a mistake ends it. @param {() => Promise<string> | string} tool */
export async function run(tool) {
  try {
    console.log(await tool())
  } catch (error) {
    if (!(error instanceof Mistake)) throw error
    process.stderr.write(error.message + '\n')
    process.exitCode = 1
  }
}
