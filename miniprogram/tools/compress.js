/** Writes a brotli and a gzip file beside every hashed text of a build, for servers to send. `node tools/compress.js FOLDER` */
import fs from 'node:fs'
import { promisify } from 'node:util'
import zlib from 'node:zlib'
import { filesBelow, run } from './paths.js'

/** Files of one content for ever: index.html changes in place, and a packed one beside it would be the old one. */
const TEXTS = /-[A-Z0-9]{8}\.(js|css|svg|json)$/
/** What fits into one packet gains nothing. */
const LEAST = 1024

const brotli = promisify(zlib.brotliCompress)
const gzip = promisify(zlib.gzip)

await run(async () => {
  const folder = process.argv[2]
  for (const stale of filesBelow(folder, /\.(br|gz)$/)) fs.rmSync(stale)
  const files = filesBelow(folder, TEXTS).filter((file) => fs.statSync(file).size >= LEAST)
  const sums = await Promise.all(files.map(compress))
  const kib = (/** @type {'br' | 'gz'} */ kind) =>
    (sums.reduce((sum, one) => sum + one[kind], 0) / 1024).toFixed(0)
  return `compressed ${files.length} files: ${kib('br')} KiB as brotli, ${kib('gz')} KiB as gzip`
})

/** @param {string} file */
async function compress(file) {
  const content = fs.readFileSync(file)
  const [br, gz] = await Promise.all([brotli(content), gzip(content, { level: 9 })])
  fs.writeFileSync(`${file}.br`, br)
  fs.writeFileSync(`${file}.gz`, gz)
  return { br: br.length, gz: gz.length }
}
