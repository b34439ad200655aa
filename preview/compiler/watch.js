/** Watch mode: a build after every change of a file of the program, until the process is told to stop. */
import { watch as watchFiles } from 'chokidar'
import path from 'node:path'

/** Editors write a file in several steps, and a checkout changes many. */
const SETTLE_MS = 40

/**
 * @param {import('./build.js').Builder} builder
 * @param {{ report: (built: import('./build.js').Built) => void, complain: (error: unknown) => void }} tell
 * @returns {Promise<number>}
 */
export async function watch(builder, tell) {
  const { root, npm, modules, host } = builder.config
  const places = [root, npm, ...Object.values(modules), ...(host ? [path.dirname(host)] : [])]
  const watcher = watchFiles(places, { ignoreInitial: true, ignored: /(^|[/\\])(\.[^/\\.]|node_modules[/\\])/ })
  /** @type {NodeJS.Timeout | undefined} */
  let timer
  let building = Promise.resolve()
  const build = async () => {
    try {
      tell.report(await builder.build())
    } catch (error) {
      tell.complain(error)
    }
  }
  watcher.on('all', () => {
    clearTimeout(timer)
    timer = setTimeout(() => {
      building = building.then(build)
    }, SETTLE_MS)
  })
  await (building = build())
  await new Promise((resolve) => process.once('SIGINT', resolve).once('SIGTERM', resolve))
  clearTimeout(timer)
  await watcher.close()
  await building
  await builder.dispose()
  return 0
}
