/** Writes dist/miniprogram_npm: the used part of TDesign with its icons local. `node tools/vendor.js` */
import fs from 'node:fs'
import path from 'node:path'
import { FONT, usedIcons } from './icons.js'
import { filesBelow, npm, read, run, source, write } from './paths.js'
import { home, usedFiles } from './tdesign.js'

const SHEET = 'icon/icon.wxss'
const NAMES_ICONS = /\.(wxml|wxs|js|ts)$/

await run(async () => {
  const out = path.join(npm, 'tdesign-miniprogram')
  const used = usedFiles(source)
  fs.rmSync(out, { recursive: true, force: true })
  fs.mkdirSync(out, { recursive: true })
  for (const file of used) write(path.join(out, path.relative(home, file)), fs.readFileSync(file))
  if (!used.includes(path.join(home, SHEET)))
    return `miniprogram_npm: ${used.length} files of TDesign, no icons`

  const theirs = used.filter((file) => NAMES_ICONS.test(file))
  const { names, font, sheet } = await usedIcons(
    filesBelow(source, NAMES_ICONS),
    theirs,
    read(path.join(home, SHEET)),
  )
  write(path.join(out, SHEET), sheet)
  write(path.join(out, path.dirname(SHEET), FONT), font)
  const size = (font.length / 1024).toFixed(1)
  return `miniprogram_npm: ${used.length} files of TDesign, ${names.length} icons in ${size} KiB`
})
