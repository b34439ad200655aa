/**
 * The modules that hand a program to the runtime, and the esbuild plugin that makes them.
 *
 * `program` holds the runtime and the main package, each sub-package is a chunk of its own that imports `program`, so
 * that whatever the main package also uses is never loaded twice. What the generated code expects of the runtime is
 * written in runtime/contract.d.ts.
 */
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { filesBelow, isFile, scriptOf } from './files.js'
import { placeOf, toEsbuild } from './problem.js'
import { compileWxml, resolveIn, templateGlobals } from './wxml.js'
import { mapTemplate } from './wxml-map.js'
import { compileWxs } from './wxs.js'
import { BUILTIN_TAGS, compileWxss } from './wxss.js'

const HERE = path.dirname(fileURLToPath(import.meta.url))
const PREVIEW = path.dirname(HERE)
const BUILTIN = path.join(PREVIEW, 'builtin')

/** @typedef {import('./problem.js').Problem} Problem */

/**
 * What the plugin serves from; replaced before every build.
 * @typedef {object} Source
 * @property {import('./config.js').Config} config
 * @property {import('./project.js').Project} project
 * @property {import('./assets.js').Assets} assets
 * @property {import('./files.js').FileCache} cache
 * @property {boolean} dev
 * @property {boolean} reload
 * @property {(file: string) => boolean} isOwn a file of the program itself, not of a package it uses
 */

/** @typedef {{ contents: string, loader?: import('esbuild').Loader, problems?: Problem[] }} Generated */

/** @typedef {(name: string, source: Source) => Generated | Promise<Generated>} Maker */

const text = JSON.stringify

/** @param {() => Source} current @returns {import('esbuild').Plugin} */
export function programPlugin(current) {
  return {
    name: 'mini-program',
    setup(build) {
      build.onResolve({ filter: /^mp:/ }, ({ path: name }) => ({ path: name.slice(3), namespace: 'mp' }))
      build.onLoad({ filter: /.*/, namespace: 'mp' }, async ({ path: name }) => {
        const [kind] = name.split('/')
        const of = name.slice(kind.length + 1)
        const { contents, loader = 'js', problems = [] } = await MAKERS[kind](of, current())
        const errors = problems.filter(({ warning }) => !warning).map(toEsbuild)
        const warnings = problems.filter(({ warning }) => warning).map(toEsbuild)
        return { contents, loader, resolveDir: PREVIEW, errors, warnings }
      })
      build.onResolve({ filter: /^[^.:]/, namespace: 'file' }, ({ path: name, resolveDir }) => {
        const found = findModule(name, resolveDir, current().config)
        return found ? { path: found } : undefined
      })
    },
  }
}

/**
 * A module named as a mini program may: from the program's root, or a package in miniprogram_npm.
 * @param {string} name
 * @param {string} from folder
 * @param {import('./config.js').Config} config
 */
function findModule(name, from, config) {
  if (name.startsWith('/')) return moduleFile(path.join(config.root, name))
  for (let folder = from; folder !== path.dirname(folder); folder = path.dirname(folder)) {
    const found = moduleFile(path.join(folder, 'miniprogram_npm', name))
    if (found) return found
  }
  const module = Object.keys(config.modules).find((known) => name === known || name.startsWith(known + '/'))
  if (module) return moduleFile(path.join(config.modules[module], name.slice(module.length)))
  return moduleFile(path.join(config.npm, name))
}

/** @param {string} file */
const moduleFile = (file) =>
  [file, file + '.js', file + '.ts', path.join(file, 'index.js'), path.join(file, 'index.ts')].find(isFile)

/** Generated modules by the first part of their name, which starts with mp: @type {Record<string, Maker>} */
const MAKERS = {
  main: (_, { reload }) => ({
    contents: [
      "import 'mp:program'",
      ...(reload ? [`import ${text(path.join(HERE, 'reload.js'))}`] : []),
    ].join('\n'),
  }),
  program: (_, source) => ({ contents: programModule(source) }),
  chunk: (root, source) => ({ contents: chunkModule(root, source) }),
  templates: () => ({ contents: templateGlobals() }),
  wxml: wxmlModule,
  wxs: wxsModule,
  wxss: wxssModule,
}

/** @param {Source} source */
function programModule(source) {
  const { config, project, assets } = source
  const app = { ...project.app, assets: assets.ofProgram() }
  const tags = filesBelow(BUILTIN, /\.wxml$/).map((file) => file.slice(0, -'.wxml'.length))
  return [
    `import { boot, define, defineBuiltin, subPackage } from ${text(path.join(PREVIEW, 'runtime/index.ts'))}`,
    config.host ? `import host from ${text(config.host)}` : 'const host = undefined',
    `import appCss from 'mp:wxss/app'`,
    `import { G as builtins } from 'mp:templates/builtin'`,
    ...tags.map((tag) => `import 'mp:wxml/builtin:${tag}'`),
    `const start = boot(${text(app)}, appCss, host)`,
    ...tags.map(
      (tag) => `defineBuiltin(${text(tag)}, builtins, () => require(${text(path.join(BUILTIN, tag))}))`,
    ),
    ...project.app.subPackages.map(
      (/** @type {{ root: string }} */ { root }) =>
        `subPackage(${text(root)}, () => import(${text('mp:chunk/' + root)}))`,
    ),
    `require(${text(scriptOf(path.join(config.root, 'app')) ?? path.join(config.root, 'app.ts'))})`,
    definitions(source, ''),
    'start()',
  ].join('\n')
}

/** @param {string} root @param {Source} source */
function chunkModule(root, source) {
  const define = `import { define } from ${text(path.join(PREVIEW, 'runtime/index.ts'))}`
  return ["import 'mp:program'", define, definitions(source, root)].join('\n')
}

/**
 * Imports and definitions of all units of a chunk, components before their users.
 * @param {Source} source
 * @param {string} chunk
 */
function definitions({ project }, chunk) {
  const units = project.units.filter((unit) => unit.chunk === chunk)
  return [
    `import { G } from 'mp:templates/program'`,
    ...units.map(({ path: unit }) => `import 'mp:wxml/${unit}'`),
    ...units.map(({ path: unit }, n) => `import css${n} from 'mp:wxss/${unit}'`),
    ...units.map((unit, n) => {
      const load = `() => require(${text(scriptOf(unit.file))})`
      return `define(${[text(unit.path), text(unit.json), 'G', `css${n}`, text(unit.scope) ?? 'undefined', load].join(', ')})`
    }),
  ].join('\n')
}

/** @param {string} name path in the program, or builtin:tag @param {Source} source @returns {{ id: string, file: string, space: string }} */
function fileOf(name, { project }) {
  if (name.startsWith('builtin:')) {
    const id = name.slice('builtin:'.length)
    return { id, file: path.join(BUILTIN, id), space: 'builtin' }
  }
  return { id: name, file: project.at(name), space: 'program' }
}

/** @param {string} name @param {Source} source @returns {Generated} */
function wxmlModule(name, source) {
  const { id, file: base, space } = fileOf(name, source)
  const file = base + '.wxml'
  const isOwn = source.isOwn(file)
  const { template, code, map, written } = source.cache.get('wxml', file, (content) => {
    const compiled = compileWxml(id, file, content, { dev: source.dev, isOwn })
    const statement = `G[${text(id)}] = ${compiled.code}\n`
    const isSound = compiled.problems.every(({ warning }) => warning)
    const made = mapTemplate(statement, content, { name: fromOutput(file, source), isOwn: isOwn && isSound })
    return { template: compiled, code: statement, map: made.toUrl(), written: content }
  })
  const templates = existing(template.templates, '.wxml', { file, written }, source)
  const scripts = existing(template.scripts, '.wxs', { file, written }, source)
  const unknown = unknownTags(id, template.tags, { file, written }, source)
  const problems = [...template.problems, ...templates.problems, ...scripts.problems, ...unknown]
  const errors = problems.filter(({ warning }) => !warning)
  const imports = [
    `import { G, R, D, X, Y, Z, P, Q } from 'mp:templates/${space}'`,
    ...scripts.paths.map((script) => `import 'mp:wxs/${script}'`),
    ...templates.paths.map((used) => `import 'mp:wxml/${used}'`),
  ]
  // imports come last, though they are done first, so that the map does not depend on their number
  return {
    contents: errors.length ? '' : `${code}${imports.join('\n')}\n//# sourceMappingURL=${map}\n`,
    problems: isOwn ? problems : errors,
  }
}

/**
 * Elements that are neither WeChat's nor named in usingComponents: most often a misspelt component.
 * @param {string} id
 * @param {string[]} tags
 * @param {{ file: string, written: string }} from
 * @param {Source} source
 * @returns {Problem[]}
 */
function unknownTags(id, tags, { file, written }, { project }) {
  const unit = project.units.find(({ path: known }) => known === id)
  if (!unit) return []
  const known = { ...unit.json.usingComponents, ...unit.json.componentGenerics }
  return tags
    .filter((tag) => !BUILTIN_TAGS.has(tag) && !(tag in known))
    .map((tag) => ({
      file,
      ...placeOf(written, written.indexOf('<' + tag)),
      text: `WXML: <${tag}> is not in usingComponents`,
      warning: true,
    }))
}

/** @param {string} name @param {Source} source @returns {Generated} */
function wxsModule(name, source) {
  const file = source.project.at(name) + '.wxs'
  const { compiled, written } = source.cache.get('wxs', file, (content) => ({
    compiled: compileWxs(content),
    written: content,
  }))
  if (compiled.problem) {
    const { offset, text: what } = compiled.problem
    return { contents: '', problems: [{ file, ...placeOf(written, offset), text: what }] }
  }
  const requires = compiled.requires.map(({ path: wanted, offset }) => ({
    path: resolveIn(name, wanted),
    offset,
  }))
  const { paths, problems } = existing(requires, '.wxs', { file, written }, source)
  const code = compiled.code.clone()
  const head = [
    `import { R, D } from 'mp:templates/program'`,
    ...paths.map((script) => `import 'mp:wxs/${script}'`),
  ]
  code
    .prepend(`${head.join('\n')}\nR[${text(name)}] = D(${text(name)}, (require, exports, module) => {`)
    .append('\n})\n')
  const map = code.generateMap({ source: fromOutput(file, source), includeContent: true, hires: 'boundary' })
  return { contents: `${code.toString()}//# sourceMappingURL=${map.toUrl()}\n`, problems }
}

/** @param {string} name @param {Source} source @returns {Promise<Generated>} */
async function wxssModule(name, source) {
  const { project, cache, config, assets, dev } = source
  const unit = project.units.find(({ path: known }) => known === name)
  const page = unit?.isPage && unit.scope === undefined ? name : undefined
  const user = { scope: unit?.scope, page }
  const { css, problems } = await compileWxss(project.at(name) + '.wxss', user, {
    root: config.root,
    cache,
    minify: !dev,
    rewriteUrl: (url) => assets.rewriteUrl(url),
  })
  return { contents: css, loader: 'text', problems }
}

/**
 * Of the files that a template or script mentions those that exist, and a problem for each of the others.
 * @param {import('./wxml.js').Reference[]} references
 * @param {string} ending
 * @param {{ file: string, written: string }} from
 * @param {Source} source
 */
function existing(references, ending, { file, written }, { project }) {
  /** @type {string[]} */
  const paths = []
  /** @type {Problem[]} */
  const problems = []
  for (const { path: wanted, offset } of references) {
    if (isFile(project.at(wanted) + ending)) paths.push(wanted)
    else problems.push({ file, ...placeOf(written, offset), text: `no such file: ${wanted}${ending}` })
  }
  return { paths, problems }
}

/** Source maps name files as seen from the output. @param {string} file @param {Source} source */
const fromOutput = (file, { config }) => path.relative(config.out, file).split(path.sep).join('/')
