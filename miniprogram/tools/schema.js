/**
 * Checks app.json and every page's JSON of dist/weapp with miniprogram-ci, offline. `node tools/schema.js FOLDER`, where
 * FOLDER has it installed. One process for each check: its caches hide what changed since.
 */
import { generateKeyPairSync } from 'node:crypto'
import fs from 'node:fs'
import { createRequire } from 'node:module'
import os from 'node:os'
import path from 'node:path'
import { Mistake, read, run, weapp } from './paths.js'

await run(async () => {
  const project = projectOf(createRequire(path.resolve(process.argv[2], 'package.json')))
  const { pages, subPackages = [] } = JSON.parse(read(path.join(weapp, 'app.json')))
  const all = [...pages, ...subPackages.flatMap(pagesOf)]
  const found = await findings(() => project.app())
  for (const page of all) found.push(...(await findings(() => project.page(page))))
  if (found.length) throw new Mistake(found.join('\n'))
  return `miniprogram-ci: app.json and ${all.length} pages are as WeChat wants them`
})

/** @param {{ root: string, pages: string[] }} subPackage */
function pagesOf({ root, pages }) {
  return pages.map((page) => path.posix.join(root, page))
}

/** @param {() => Promise<unknown>} check @returns {Promise<string[]>} */
async function findings(check) {
  try {
    await check()
    return []
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)]
  }
}

/** @param {NodeJS.Require} require */
function projectOf(require) {
  const ci = require('miniprogram-ci')
  const { getAppJSON } = require('miniprogram-ci/dist/core/json/app.js')
  const { getPageJSON } = require('miniprogram-ci/dist/core/json/page/getPageJSON.js')
  const project = new ci.Project({
    appid: 'wx0000000000000000',
    type: 'miniProgram',
    projectPath: weapp,
    privateKeyPath: anyKey(),
  })
  // The only question it would ask WeChat's server.
  const attr = { ...ci.DefaultProjectAttr, appType: 0, setting: { MaxCodeSize: 2, MaxSubpackageSubCodeSize: 2 } }
  project.attr = async () => attr
  return {
    app: () => getAppJSON(project),
    page: (/** @type {string} */ page) => getPageJSON(project, { miniprogramRoot: '', pagePath: page }),
  }
}

/** It reads a key before it does anything; nothing is signed here. @returns {string} a file's name */
function anyKey() {
  const file = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'miniprogram-ci-')), 'key')
  process.on('exit', () => fs.rmSync(path.dirname(file), { recursive: true, force: true }))
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  fs.writeFileSync(file, privateKey.export({ type: 'pkcs1', format: 'pem' }), { mode: 0o600 })
  return file
}
