/** Small programs for the tests: written into a folder of their own, taken away afterwards. */
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { onTestFinished } from 'vitest'
import { build } from '../../compiler/build.js'
import { BuildFailed, tell } from '../../compiler/problem.js'

/** A program of one page; a test states only what it is about. */
const PLAIN = {
  'app.json': '{ "pages": ["pages/home/home"] }',
  'app.ts': 'App({})',
  'pages/home/home.ts': 'Page({})',
  'pages/home/home.wxml': '<view>home</view>',
}

/** @param {Record<string, string | undefined>} [files] @returns {{ folder: string, root: string, out: string }} */
export function program(files = {}) {
  const folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'preview-')))
  onTestFinished(() => fs.rmSync(folder, { recursive: true, force: true }))
  const root = path.join(folder, 'src')
  for (const [name, content] of Object.entries({ ...PLAIN, ...files })) {
    if (content !== undefined) write(path.join(root, name), content)
  }
  return { folder, root, out: path.join(folder, 'out') }
}

/** @param {string} file @param {string} content */
export function write(file, content) {
  fs.mkdirSync(path.dirname(file), { recursive: true })
  fs.writeFileSync(file, content)
}

/** @param {string} name */
export const component = (name) => ({
  [`${name}.json`]: '{ "component": true }',
  [`${name}.ts`]: 'Component({})',
  [`${name}.wxml`]: `<view>${name}</view>`,
})

/** @param {Record<string, string | undefined>} files @param {object} [config] @param {object} [options] */
export async function built(files, config = {}, options = {}) {
  const { folder, out } = program(files)
  const result = await build({ root: 'src', out: 'out', folder, ...config }, options)
  /** @param {RegExp} name @returns {string} */
  const read = (name) => {
    const found = fs.readdirSync(out).find((file) => name.test(file))
    if (!found) throw new Error(`nothing like ${name} in ${fs.readdirSync(out)}`)
    return fs.readFileSync(path.join(out, found), 'utf8')
  }
  return { ...result, read, folder }
}

/** The problems of a program that cannot be built, as they are told. @param {Record<string, string | undefined>} files */
export async function problems(files) {
  const { folder, root } = program(files)
  try {
    await build({ root: 'src', out: 'out', folder })
  } catch (error) {
    if (error instanceof BuildFailed) return error.problems.map((problem) => tell(problem, root))
    throw error
  }
  return []
}
