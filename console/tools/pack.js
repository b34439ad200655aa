/**
 * Writes a brotli and a gzip file beside every asset of the console's build, and says what the first page costs to load:
 * more than the limit is a mistake. `node tools/pack.js FOLDER`
 */
import fs from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import zlib from 'node:zlib'

const limitKib = 400
/** What fits into one packet gains nothing. */
const least = 1024

const brotli = promisify(zlib.brotliCompress)
const gzip = promisify(zlib.gzip)
const folder = process.argv[2]
const assets = path.join(folder, 'assets')

/** The quality is brotli's last but one step: the last takes four times as long for 2 %. */
const quality = { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 10 } }

/** @param {string} name */
async function pack(name) {
  const file = path.join(assets, name)
  const content = fs.readFileSync(file)
  if (content.length < least) return [name, content.length]
  const [br, gz] = await Promise.all([brotli(content, quality), gzip(content, { level: 9 })])
  fs.writeFileSync(`${file}.br`, br)
  fs.writeFileSync(`${file}.gz`, gz)
  return [name, gz.length]
}

const names = fs.readdirSync(assets).filter((name) => /\.(js|css|svg|json)$/.test(name))
const sizes = Object.fromEntries(await Promise.all(names.map(pack)))
const page = fs.readFileSync(path.join(folder, 'index.html'))
const first = [...page.toString().matchAll(/(?:src|href)="\/console\/assets\/([^"]+)"/g)].map(
  ([, name]) => name,
)
const kib = (first.reduce((sum, name) => sum + sizes[name], 0) + page.length) / 1024

console.log(`console: first load ${kib.toFixed(0)} KiB as gzip (at most ${limitKib}), ${names.length} assets`)
if (kib > limitKib) {
  console.error(`console: the first load is larger than ${limitKib} KiB: load what it does not need later`)
  process.exitCode = 1
}
