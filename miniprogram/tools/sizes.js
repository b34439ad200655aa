/** How much of WeChat's limits the packages of a build take. */
import fs from 'node:fs'
import path from 'node:path'
import { Mistake, filesBelow, read } from './paths.js'

const MIB = 1024 * 1024
/** WeChat allows 2 MiB for each package; the main one keeps a quarter for what comes. */
const MAIN = 1.5 * MIB
const ANY = 2 * MIB
/** All packages of one program together. */
const ALL = 30 * MIB

/** @param {string} out folder of the build @returns {string} a line for each package */
export function sizes(out) {
  const { subPackages = [] } = JSON.parse(read(path.join(out, 'app.json')))
  /** @type {Map<string, number>} */
  const found = new Map([['main package', 0]])
  for (const { root } of subPackages) found.set(root, 0)
  for (const file of filesBelow(out)) {
    const name = path.relative(out, file)
    const owner = [...found.keys()].find((root) => name.startsWith(`${root}/`)) ?? 'main package'
    found.set(owner, (found.get(owner) ?? 0) + fs.statSync(file).size)
  }
  const lines = [...found].map(
    ([name, size]) => `  ${name.padEnd(20)} ${(size / 1024).toFixed(0).padStart(5)} KiB`,
  )
  const all = [...found.values()].reduce((sum, size) => sum + size, 0)
  const tooLarge = [...found]
    .filter(([name, size]) => size > (name === 'main package' ? MAIN : ANY))
    .map(([name]) => name)
  if (all > ALL) tooLarge.push('all packages together')
  if (tooLarge.length) throw new Mistake([...lines, `too large: ${tooLarge.join(', ')}`].join('\n'))
  return lines.join('\n')
}
