/** The command as it is called: what it prints, how it ends, and its watch mode. */
import { execFile, spawn } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'
import { Builder } from '../../compiler/build.js'
import { completeConfig } from '../../compiler/config.js'
import { watch } from '../../compiler/watch.js'
import { program, write } from './program.js'

const CLI = fileURLToPath(new URL('../../compiler/cli.js', import.meta.url))
const CONFIG = "export default { root: 'src', out: 'out' }"

/** @param {string} folder @param {...string} args @returns {Promise<{ code: number, stdout: string, stderr: string }>} */
async function run(folder, ...args) {
  try {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [CLI, ...args], { cwd: folder })
    return { code: 0, stdout, stderr }
  } catch (error) {
    const { code, stdout, stderr } = /** @type {{ code: number, stdout: string, stderr: string }} */ (error)
    return { code, stdout, stderr }
  }
}

test('a program without mistakes is built, and its size is told', async () => {
  const { folder, out } = program({ '../preview.config.js': CONFIG })

  const { code, stdout } = await run(folder, 'build', 'preview.config.js')

  expect(code).toBe(0)
  expect(stdout).toMatch(
    /^1 pages, 1 units, 1 scripts \(\d+ KiB gzip, \d+ of it at the start\) in \d+ ms: .*out\n$/,
  )
  expect(fs.existsSync(path.join(out, 'index.html'))).toBe(true)
})

test('a mistake ends it with code 1, and nothing is written', async () => {
  const { folder, out } = program({
    '../preview.config.js': CONFIG,
    'pages/home/home.wxml': '<view>\n<text>',
  })

  const { code, stderr } = await run(folder, 'build', 'preview.config.js')

  expect(code).toBe(1)
  expect(stderr.split('\n')[0]).toBe('src/pages/home/home.wxml:1:2 WXML: missing end tag')
  expect(fs.existsSync(out)).toBe(false)
})

test('a missing configuration ends it with code 1', async () => {
  const { folder } = program()

  const { code, stderr } = await run(folder, 'build', 'none.js')

  expect(code).toBe(1)
  expect(stderr).toContain('none.js: no such configuration')
})

test('a command that it does not know ends it with code 2 and the usage', async () => {
  const { folder } = program()

  const { code, stderr } = await run(folder, 'make')

  expect(code).toBe(2)
  expect(stderr).toMatch(/^usage: miniprogram-preview build/)
})

test('--serve offers the output with a policy against foreign and inline scripts', async () => {
  const { folder } = program({ '../preview.config.js': CONFIG })
  const port = 20000 + (process.pid % 10000)
  const child = spawn(process.execPath, [CLI, 'build', 'preview.config.js', '--serve', String(port)], {
    cwd: folder,
  })
  onTestFinished(() => void child.kill())
  await new Promise((resolve) =>
    child.stdout.on('data', (text) => /1 pages/.test(text) && resolve(undefined)),
  )

  const page = await fetch(`http://127.0.0.1:${port}/`)
  const outside = await fetch(`http://127.0.0.1:${port}/..%2fpreview.config.js`)

  expect(page.status).toBe(200)
  expect(page.headers.get('content-security-policy')).toContain("script-src 'self'")
  expect(await page.text()).toContain('<script type="module"')
  expect(outside.status).toBe(404)
})

test('watch mode builds again after a change, tells a mistake and recovers from it', async () => {
  const { folder, root, out } = program()
  const builder = new Builder(completeConfig({ root: 'src', out: 'out' }, folder), {
    dev: true,
    reload: true,
  })
  /** @type {(told: string) => void} */
  let next = () => {}
  const told = () => new Promise((resolve) => (next = resolve))
  const stop = await watch(
    builder,
    () => next('built'),
    (error) => next(/** @type {Error} */ (error).message.split(' ').slice(1).join(' ')),
  )
  onTestFinished(stop)
  const version = () => fs.readFileSync(path.join(out, 'version.txt'), 'utf8')
  const first = version()

  let answer = told()
  write(path.join(root, 'pages/home/home.wxml'), '<view>changed</view>')
  expect(await answer).toBe('built')
  const second = version()
  expect(second).not.toBe(first)

  answer = told()
  write(path.join(root, 'pages/home/home.wxml'), '<view>')
  expect(await answer).toBe('WXML: missing end tag')
  expect(version()).toBe(second)

  answer = told()
  write(path.join(root, 'pages/home/home.wxml'), '<view>mended</view>')
  expect(await answer).toBe('built')
  expect(version()).not.toBe(second)
})
