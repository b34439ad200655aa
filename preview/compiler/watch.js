/** Watch mode: a build after every change of a file of the program. */
import { watch as watchFiles } from 'chokidar'
import path from 'node:path'

/** Editors write a file in several steps, and a checkout changes many. */
const SETTLE_MS = 40

/**
 * Builds once, then after each change, one build at a time.
 * @param {import('./build.js').Builder} builder
 * @param {(built: import('./build.js').Built) => void} report
 * @param {(error: unknown) => void} complain
 * @returns {Promise<() => Promise<void>>} ends it
 */
export async function watch(builder, report, complain) {
  const { root, npm, host } = builder.config
  const places = [root, npm, ...(host ? [path.dirname(host)] : [])]
  /** @param {string} file */
  const ignored = (file) =>
    places.every((place) => /(^|[/\\])(\.|node_modules)/.test(path.relative(place, file)))
  const watcher = watchFiles(places, { ignoreInitial: true, ignored })
  /** @type {NodeJS.Timeout | undefined} */
  let timer
  const build = () => builder.build().then(report, complain)
  await new Promise((resolve) => watcher.once('ready', () => resolve(undefined)))
  let building = build()
  watcher.on('all', () => {
    clearTimeout(timer)
    timer = setTimeout(() => {
      building = building.then(build)
    }, SETTLE_MS)
  })
  await building
  return async () => {
    clearTimeout(timer)
    await watcher.close()
    await building
    await builder.dispose()
  }
}
