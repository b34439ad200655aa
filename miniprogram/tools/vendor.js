/** Writes dist/miniprogram_npm: the used part of TDesign with its icons local. `node tools/vendor.js` */
import fs from 'node:fs'
import path from 'node:path'
import { FONT, usedIcons } from './icons.js'
import { filesBelow, npm, read, run, source, write } from './paths.js'
import { home, usedFiles } from './tdesign.js'

const SHEET = 'icon/icon.wxss'
const NAMES_ICONS = /\.(wxml|wxs|js|ts)$/

await run(async () => {
  const used = usedFiles(source)
  const wanted = new Map(used.map((file) => [path.relative(home, file), fs.readFileSync(file)]))
  const said = wanted.has(SHEET) ? await cutIcons(used, wanted) : 'no icons'
  writeAll(path.join(npm, 'tdesign-miniprogram'), wanted)
  return `miniprogram_npm: ${used.length} files of TDesign, ${said}`
})

/** @param {string[]} used @param {Map<string, Buffer>} wanted where the font and its sheet go @returns {Promise<string>} */
async function cutIcons(used, wanted) {
  const theirs = used.filter((file) => NAMES_ICONS.test(file))
  const sheetFile = path.join(home, SHEET)
  const { names, font, sheet } = await usedIcons(filesBelow(source, NAMES_ICONS), theirs, read(sheetFile))
  wanted.set(SHEET, Buffer.from(sheet))
  wanted.set(path.join(path.dirname(SHEET), FONT), font)
  return `${names.length} icons in ${(font.length / 1024).toFixed(1)} KiB`
}

/** Touches only what is different, for builds that read the folder at the same time. @param {string} folder @param {Map<string, Buffer>} files */
function writeAll(folder, files) {
  fs.mkdirSync(folder, { recursive: true })
  const there = new Set(filesBelow(folder).map((file) => path.relative(folder, file)))
  for (const [name, content] of files) {
    const file = path.join(folder, name)
    if (!there.has(name) || !fs.readFileSync(file).equals(content)) write(file, content)
    there.delete(name)
  }
  for (const name of there) fs.rmSync(path.join(folder, name))
}
