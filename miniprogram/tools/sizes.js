/** How much of WeChat's limits the packages of a build take. */
import fs from 'node:fs'
import path from 'node:path'
import { Mistake, filesBelow, read } from './paths.js'

const MAIN = 'main package'
const MIB = 1024 * 1024
/** WeChat allows 2 MiB for each package; the main one keeps a quarter for what comes. */
const MOST = 2 * MIB
const MOST_OF_MAIN = 1.5 * MIB
const MOST_OF_ALL = 30 * MIB

/** @param {string} out folder of the build @returns {string} a line for each package */
export function sizes(out) {
  const found = packages(out)
  const lines = [...found].map(
    ([name, size]) => `  ${name.padEnd(20)} ${(size / 1024).toFixed(0).padStart(5)} KiB`,
  )
  const all = [...found.values()].reduce((sum, size) => sum + size, 0)
  const tooLarge = [...found]
    .filter(([name, size]) => size > (name === MAIN ? MOST_OF_MAIN : MOST))
    .map(([name]) => name)
  if (all > MOST_OF_ALL) tooLarge.push('all packages together')
  if (tooLarge.length) throw new Mistake([...lines, `too large: ${tooLarge.join(', ')}`].join('\n'))
  return lines.join('\n')
}

/** @param {string} out @returns {Map<string, number>} bytes by package */
function packages(out) {
  /** @type {{ subPackages?: { root: string }[] }} */
  const { subPackages = [] } = JSON.parse(read(path.join(out, 'app.json')))
  const roots = subPackages.map(({ root }) => root)
  const found = new Map([MAIN, ...roots].map((name) => [name, 0]))
  for (const file of filesBelow(out)) {
    const name = path.relative(out, file)
    const owner = roots.find((root) => name.startsWith(`${root}/`)) ?? MAIN
    found.set(owner, (found.get(owner) ?? 0) + fs.statSync(file).size)
  }
  return found
}
