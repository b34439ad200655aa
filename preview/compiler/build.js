/** One build of a program, and a builder that keeps what it knows for the next. */
import { build as bundle, context, transform } from 'esbuild'
import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { Assets, hashOf } from './assets.js'
import { completeConfig, loadConfig } from './config.js'
import { FileCache } from './files.js'
import { programPlugin } from './bundle.js'
import { BuildFailed, fromEsbuild, tell } from './problem.js'
import { readProject } from './project.js'

const PREVIEW = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
const SHELL = path.join(PREVIEW, 'shell')
const EARLY = path.join(PREVIEW, 'runtime/early.ts')
/** Phones that are some years old. */
const TARGET = 'es2020'
/** Chromium then compiles a script while it loads, and not function by function when each is first called. */
const COMPILE_AT_ONCE = '//# allFunctionsCalledOnLoad'

/** @typedef {import('./problem.js').Problem} Problem */

/**
 * @typedef {object} Options
 * @property {boolean} [dev] readable output, and the warnings of glass-easel's development build
 * @property {boolean} [reload] the page loads itself anew after each build
 */

/**
 * @typedef {object} Built
 * @property {string} out folder written
 * @property {string} entry absolute path of the script that index.html starts
 * @property {{ name: string, bytes: number }[]} files
 * @property {string[]} first names of the scripts that the first screen loads, in main and its imports
 * @property {Problem[]} warnings
 * @property {number} pages
 * @property {number} units
 * @property {number} took_ms
 */

/**
 * Builds once. `from` is a config file's name, or its content with the folder its paths are relative to.
 * @param {string | (import('./config.js').ConfigSource & { folder: string })} from
 * @param {Options & { out?: string }} [options]
 * @returns {Promise<Built>}
 */
export async function build(from, { out, ...options } = {}) {
  const config = typeof from === 'string' ? await loadConfig(from) : completeConfig(from, from.folder)
  const builder = new Builder(out ? { ...config, out: path.resolve(out) } : config, options)
  try {
    return await builder.build()
  } finally {
    await builder.dispose()
  }
}

export class Builder {
  #cache = new FileCache()
  /** @type {import('./bundle.js').Source | undefined} */
  #source
  /** @type {import('esbuild').BuildContext | undefined} */
  #context
  /** @type {Map<string, string>} name -> hash of what was written last */
  #written = new Map()

  /** @param {import('./config.js').Config} config @param {Options} options */
  constructor(config, options) {
    this.config = config
    this.dev = options.dev ?? false
    this.reload = options.reload ?? false
    this.assets = new Assets(config, this.#cache)
  }

  /** @returns {Promise<Built>} */
  async build() {
    const began = performance.now()
    const project = readProject(this.config, this.#cache)
    if (project.problems.length) throw new BuildFailed(project.problems)
    this.#source = { ...this, cache: this.#cache, project, isOwn: (file) => this.#isOwn(file) }
    this.#context ??= await this.#open()
    const result = await this.#bundle(this.#context)
    const shell = await this.#shell(result)
    this.#write(new Map([...this.assets.contents(), ...shell.files, ...this.#scripts(result), ...shell.page]))
    return {
      out: this.config.out,
      entry: path.join(this.config.out, shell.entry),
      files: [...this.#written.keys()].map((name) => this.#sizeOf(name)),
      first: shell.first,
      warnings: distinct(result.warnings.map((message) => ({ ...this.#problem(message), warning: true }))),
      pages: project.app.pages.length,
      units: project.units.length,
      took_ms: performance.now() - began,
    }
  }

  async dispose() {
    await this.#context?.dispose()
  }

  /** @param {string} file */
  #isOwn(file) {
    const below = path.relative(this.config.root, file)
    return !below.startsWith('..') && !below.split(path.sep).includes('miniprogram_npm')
  }

  /** @param {string} name */
  #sizeOf(name) {
    return { name, bytes: fs.statSync(path.join(this.config.out, name)).size }
  }

  /** @param {import('esbuild').Message} message */
  #problem(message) {
    return fromEsbuild(message, this.config.root)
  }

  #open() {
    const current = () => /** @type {import('./bundle.js').Source} */ (this.#source)
    return context({
      entryPoints: { main: 'mp:main' },
      bundle: true,
      format: 'esm',
      splitting: true,
      target: TARGET,
      outdir: this.config.out,
      absWorkingDir: this.config.root,
      entryNames: '[name]-[hash]',
      chunkNames: '[name]-[hash]',
      write: false,
      metafile: true,
      minify: !this.dev,
      banner: { js: COMPILE_AT_ONCE },
      sourcemap: 'linked',
      logLevel: 'silent',
      define: { 'process.env.NODE_ENV': this.dev ? '"development"' : '"production"' },
      plugins: [programPlugin(current)],
    })
  }

  /** @param {import('esbuild').BuildContext} bundler */
  async #bundle(bundler) {
    try {
      return await bundler.rebuild()
    } catch (error) {
      const { errors } = /** @type {import('esbuild').BuildFailure} */ (error)
      if (!errors) throw error
      throw new BuildFailed(distinct(errors.map((message) => this.#problem(message))))
    }
  }

  /** @param {import('esbuild').BuildResult} result @returns {Map<string, Uint8Array>} */
  #scripts(result) {
    const files = result.outputFiles ?? []
    return new Map(files.map((file) => [path.relative(this.config.out, file.path), file.contents]))
  }

  /** The shell's sheets and index.html. @param {import('esbuild').BuildResult} result */
  async #shell(result) {
    const scripts = entryFirst(result, this.config)
    const names = fs.readdirSync(SHELL).filter((name) => name.endsWith('.css'))
    /** @type {Map<string, Uint8Array>} */
    const files = new Map()
    let head = ''
    if (this.config.early.length) {
      const content = await earlyScript(this.config, !this.dev)
      const output = `early-${hashOf(content)}.js`
      files.set(output, content)
      head += `<script async src="./${output}"></script>`
    }
    for (const name of names.sort()) {
      const { code } = await transform(fs.readFileSync(path.join(SHELL, name), 'utf8'), {
        loader: 'css',
        minify: !this.dev,
      })
      const content = Buffer.from(code)
      const output = `${path.parse(name).name}-${hashOf(content)}.css`
      files.set(output, content)
      head += `<link rel="stylesheet" href="./${output}">`
    }
    for (const name of scripts.slice(1)) head += `<link rel="modulepreload" href="./${name}">`
    head += `<script type="module" src="./${scripts[0]}"></script>`
    const page = fs.readFileSync(path.join(SHELL, 'index.html'), 'utf8')
    const html = page.replaceAll('%title%', () => escapeHtml(this.config.title)).replace('%head%', () => head)
    /** @type {Map<string, Uint8Array>} */
    const last = new Map([['index.html', Buffer.from(html)]])
    if (this.reload) last.set('version.txt', Buffer.from(hashOf(Buffer.from(html))))
    return { entry: scripts[0], first: scripts, files, page: last }
  }

  /** Writes what has changed, index.html last, and takes away what an earlier build left. @param {Map<string, Uint8Array>} files */
  #write(files) {
    const { out } = this.config
    fs.mkdirSync(path.join(out, 'assets'), { recursive: true })
    for (const [name, content] of files) {
      const hash = hashOf(content)
      if (this.#written.get(name) !== hash) fs.writeFileSync(path.join(out, name), content)
      this.#written.set(name, hash)
    }
    const hashed = /-[A-Z0-9]{8}\.\w+(\.map)?$/
    for (const folder of ['', 'assets']) {
      for (const left of fs.readdirSync(path.join(out, folder))) {
        const name = path.posix.join(folder, left)
        if (!hashed.test(name) || files.has(name)) continue
        fs.rmSync(path.join(out, name))
        this.#written.delete(name)
      }
    }
  }
}

/**
 * The entry's script and those it imports at once, by the names index.html uses.
 * @param {import('esbuild').BuildResult} result
 * @param {import('./config.js').Config} config
 */
function entryFirst(result, config) {
  const outputs = result.metafile?.outputs ?? {}
  /** @param {string} name */
  const nameOf = (name) => path.relative(config.out, path.resolve(config.root, name))
  const entry = Object.keys(outputs).find((name) => outputs[name].entryPoint === 'mp:main')
  if (entry === undefined) throw new Error('the bundle has no entry')
  /** @type {Set<string>} */
  const found = new Set()
  /** @param {string} name */
  const follow = (name) => {
    if (found.has(name)) return
    found.add(name)
    for (const { path: next, kind } of outputs[name].imports) if (kind === 'import-statement') follow(next)
  }
  follow(entry)
  return [...found].map(nameOf)
}

/** @param {import('./config.js').Config} config @param {boolean} minify */
async function earlyScript({ early }, minify) {
  const { outputFiles } = await bundle({
    entryPoints: [EARLY],
    bundle: true,
    format: 'iife',
    target: TARGET,
    write: false,
    minify,
    define: { __EARLY__: JSON.stringify(early) },
  })
  return Buffer.from(outputFiles[0].contents)
}

/** @param {Problem[]} problems */
function distinct(problems) {
  return [...new Map(problems.map((problem) => [tell(problem), problem])).values()]
}

/** @param {string} value */
const escapeHtml = (value) => value.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`)
