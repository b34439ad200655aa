/** Writes dist/weapp, which WeChat's developer tools open and miniprogram-ci uploads. `node tools/weapp.js` */
import esbuild from 'esbuild'
import fs from 'node:fs'
import path from 'node:path'
import { FONT } from './icons.js'
import { filesBelow, npm, projectConfig, read, run, source, weapp, write } from './paths.js'
import { sizes } from './sizes.js'

await run(async () => {
  fs.rmSync(weapp, { recursive: true, force: true })
  const files = filesBelow(source)
  for (const file of files.filter((name) => !name.endsWith('.ts'))) copy(file, source, weapp)
  await esbuild.build({
    entryPoints: files.filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts')),
    outdir: weapp,
    outbase: source,
    format: 'cjs',
    target: 'es2018',
    charset: 'utf8',
    logLevel: 'warning',
  })
  const packages = path.join(weapp, 'miniprogram_npm')
  for (const file of filesBelow(npm)) copy(file, npm, packages)
  embedFont(path.join(packages, 'tdesign-miniprogram/icon'))
  fs.copyFileSync(projectConfig, path.join(weapp, 'project.config.json'))
  return `dist/weapp\n${sizes(weapp)}`
})

/** @param {string} file @param {string} from @param {string} to */
function copy(file, from, to) {
  write(path.join(to, path.relative(from, file)), fs.readFileSync(file))
}

/** A style sheet of WeChat may name no local file, so the font becomes part of it. @param {string} folder */
function embedFont(folder) {
  const font = path.join(folder, FONT)
  if (!fs.existsSync(font)) return
  const sheet = path.join(folder, 'icon.wxss')
  const content = fs.readFileSync(font).toString('base64')
  write(sheet, read(sheet).replace(`url(${FONT})`, `url(data:font/woff;base64,${content})`))
  fs.rmSync(font)
}
