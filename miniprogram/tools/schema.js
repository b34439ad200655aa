/**
 * Checks app.json and every page's JSON of dist/weapp with miniprogram-ci, offline. `node tools/schema.js FOLDER`, where
 * FOLDER has it installed. One process for each check: its caches hide what changed since.
 */
import { generateKeyPairSync } from 'node:crypto'
import fs from 'node:fs'
import { createRequire } from 'node:module'
import os from 'node:os'
import path from 'node:path'
import { Mistake, filesBelow, read, run, weapp } from './paths.js'

await run(async () => {
  const say = console.log
  console.log = console.error = () => {} // the tool tells at length what it does
  const checks = checksBy(createRequire(path.resolve(process.argv[2], 'package.json')))
  const units = [...pagesOf(JSON.parse(read(path.join(weapp, 'app.json')))), ...ownComponents()]
  const found = new Set([...(await findings(checks.app)), ...(await findings(checks.sitemap))])
  for (const unit of units) for (const one of await findings(() => checks.unit(unit))) found.add(one)
  console.log = say
  if (found.size) throw new Mistake([...found].join('\n'))
  return `miniprogram-ci: app.json and ${units.length} pages and components are as WeChat wants them`
})

/** @param {{ pages: string[], subPackages?: { root: string, pages: string[] }[] }} app */
function pagesOf({ pages, subPackages = [] }) {
  return [
    ...pages,
    ...subPackages.flatMap(({ root, pages: inside }) => inside.map((page) => path.posix.join(root, page))),
  ]
}

/** @returns {string[]} without ending */
function ownComponents() {
  return filesBelow(weapp, /\.json$/)
    .map((file) => path.relative(weapp, file))
    .filter(
      (name) => !name.startsWith('miniprogram_npm/') && JSON.parse(read(path.join(weapp, name))).component,
    )
    .map((name) => name.slice(0, -'.json'.length))
}

/** @param {() => Promise<{ __warning__?: string }>} check @returns {Promise<string[]>} */
async function findings(check) {
  try {
    const { __warning__: warning } = await check()
    return warning ? [warning] : []
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)]
  }
}

/** @param {NodeJS.Require} requireIt of the folder that has it */
function checksBy(requireIt) {
  const ci = requireIt('miniprogram-ci')
  const project = new ci.Project({
    appid: 'wx0000000000000000',
    type: 'miniProgram',
    projectPath: weapp,
    privateKeyPath: anyKey(),
  })
  project.attr = async () => ci.DefaultProjectAttr // the one thing it would ask WeChat's server
  return {
    app: () => ci.getAppJSON(project),
    sitemap: () => ci.getSiteMapJSON(project),
    unit: (/** @type {string} */ pagePath) => ci.getPageJSON(project, { miniprogramRoot: '', pagePath }),
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
