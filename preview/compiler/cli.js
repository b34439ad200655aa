#!/usr/bin/env node
/** The command line: `miniprogram-preview build <config.js> [--dev] [--watch] [--serve PORT]`. */
import { gzipSync } from 'node:zlib'
import fs from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { Builder } from './build.js'
import { loadConfig } from './config.js'
import { BuildFailed, tell } from './problem.js'
import { serve } from './serve.js'
import { watch } from './watch.js'

const USAGE = `usage: miniprogram-preview build <config.js> [--dev] [--watch] [--serve PORT]
  --dev          readable output with the framework's own warnings
  --watch        builds again when a file changes; the open page reloads itself; implies --dev
  --serve PORT   offers the output on 127.0.0.1`

/** @param {import('./build.js').Built} built */
function report({ out, files, first, pages, units, warnings, took_ms }) {
  for (const warning of warnings) console.warn(tell(warning))
  const scripts = files.filter(({ name }) => name.endsWith('.js')).map(({ name }) => name)
  /** @param {string[]} names */
  const kib = (names) =>
    (
      names.reduce((sum, name) => sum + gzipSync(fs.readFileSync(path.join(out, name))).length, 0) / 1024
    ).toFixed(0)
  const size = `${kib(scripts)} KiB gzip, ${kib(first)} of it at the start`
  console.log(
    `${pages} pages, ${units} units, ${scripts.length} scripts (${size}) in ${took_ms.toFixed(0)} ms: ${out}`,
  )
}

/** @param {unknown} error */
function complain(error) {
  if (error instanceof BuildFailed) for (const problem of error.problems) console.error(tell(problem))
  else console.error(error)
}

/** @param {string[]} args @returns {Promise<number>} exit code */
async function main(args) {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { dev: { type: 'boolean' }, watch: { type: 'boolean' }, serve: { type: 'string' } },
  })
  const [command, file] = positionals
  if (command !== 'build' || !file) {
    console.error(USAGE)
    return 2
  }
  const config = await loadConfig(file)
  const builder = new Builder(config, { dev: values.dev || values.watch, reload: values.watch })
  if (values.serve) serve(config.out, Number(values.serve))
  if (values.watch) {
    const stop = await watch(builder, report, complain)
    await new Promise((resolve) => process.once('SIGINT', resolve).once('SIGTERM', resolve))
    await stop()
    process.exit(0)
  }
  report(await builder.build())
  await builder.dispose()
  return 0
}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  complain(error)
  process.exit(1)
}
