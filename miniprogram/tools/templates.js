/** Compiles the program as the preview does; what is only a warning there, a template WeChat reads otherwise, fails here. */
import { build } from 'miniprogram-preview/compiler/build.js'
import { BuildFailed, tell } from 'miniprogram-preview/compiler/problem.js'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { Mistake, projectConfig, run } from './paths.js'

await run(async () => {
  const out = fs.mkdtempSync(path.join(os.tmpdir(), 'miniprogram-'))
  const problems = await found(out).finally(() => fs.rmSync(out, { recursive: true }))
  if (problems.length) throw new Mistake(problems.map((problem) => tell(problem)).join('\n'))
  return 'templates: no finding'
})

/** @param {string} out */
async function found(out) {
  const config = path.join(path.dirname(projectConfig), 'preview.config.js')
  try {
    return (await build(config, { out })).warnings
  } catch (error) {
    if (error instanceof BuildFailed) return error.problems
    throw error
  }
}
