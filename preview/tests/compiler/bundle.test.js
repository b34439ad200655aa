/** What a build writes: chunks, names, maps, and what a content security policy forbids. */
import fs from 'node:fs'
import { SourceMap } from 'node:module'
import path from 'node:path'
import vm from 'node:vm'
import { expect, test } from 'vitest'
import { build } from '../../compiler/build.js'
import { FileCache } from '../../compiler/files.js'
import { completeConfig } from '../../compiler/config.js'
import { readProject } from '../../compiler/project.js'
import { built, component, program, write } from './program.js'

const page = (/** @type {string} */ name, /** @type {string[]} */ parts = []) => ({
  [`${name}.json`]: JSON.stringify({
    usingComponents: Object.fromEntries(parts.map((part) => [part, `/parts/${part}`])),
  }),
  [`${name}.ts`]: `Page({ data: { says: 'script of ${name}' } })`,
  [`${name}.wxml`]: parts.map((part) => `<${part} />`).join('') + `<view>template of ${name}</view>`,
})

const PACKAGES = {
  'app.json': JSON.stringify({
    pages: ['pages/home/home'],
    subPackages: [
      { root: 'packages/a', pages: ['x/x'] },
      { root: 'packages/b/', pages: ['y/y'] },
    ],
  }),
  ...page('pages/home/home', ['in-main']),
  ...page('packages/a/x/x', ['in-main', 'in-a', 'in-both']),
  ...page('packages/b/y/y', ['in-both']),
  ...component('parts/in-main'),
  ...component('parts/in-a'),
  ...component('parts/in-both'),
}

test('a component used inside one sub-package alone travels with it, any other with the main package', () => {
  const { folder } = program(PACKAGES)

  const { units } = readProject(completeConfig({ root: 'src', out: 'out' }, folder), new FileCache())

  expect(Object.fromEntries(units.map((unit) => [unit.path, unit.chunk]))).toEqual({
    'pages/home/home': '',
    'packages/a/x/x': 'packages/a',
    'packages/b/y/y': 'packages/b',
    'parts/in-main': '',
    'parts/in-a': 'packages/a',
    'parts/in-both': '',
  })
})

test('components come before their users, even when two use each other', () => {
  const { folder } = program({
    'pages/home/home.json': '{ "usingComponents": { "one": "/one" } }',
    ...component('one'),
    ...component('two'),
    'one.json': '{ "component": true, "usingComponents": { "two": "two" } }',
    'two.json': '{ "component": true, "usingComponents": { "one": "/one" } }',
  })

  const { units, problems } = readProject(
    completeConfig({ root: 'src', out: 'out' }, folder),
    new FileCache(),
  )

  expect(problems).toEqual([])
  expect(units.map((unit) => unit.path)).toEqual(['two', 'one', 'pages/home/home'])
  expect(units[0].json.usingComponents).toEqual({ one: '/one' })
})

test('components of app.json are known everywhere, and a name of a unit itself wins', () => {
  const { folder } = program({
    'app.json': '{ "pages": ["pages/home/home"], "usingComponents": { "a-b": "/one", "c-d": "/one" } }',
    'pages/home/home.json': '{ "usingComponents": { "a-b": "/two" } }',
    ...component('one'),
    ...component('two'),
    'two.json': '{ "component": true, "componentGenerics": { "row": { "default": "/one" } } }',
  })

  const { app, units } = readProject(completeConfig({ root: 'src', out: 'out' }, folder), new FileCache())

  const jsons = Object.fromEntries(units.map((unit) => [unit.path, unit.json]))
  expect(app.usingComponents).toBeUndefined()
  expect(jsons['pages/home/home'].usingComponents).toEqual({ 'a-b': '/two', 'c-d': '/one' })
  expect(jsons.two.usingComponents).toEqual({ 'a-b': '/one', 'c-d': '/one' })
  expect(jsons.two.componentGenerics.row.default).toBe('/one')
  expect(jsons.one.usingComponents).toEqual({})
})

test('a theme goes with the program', () => {
  const { folder } = program({
    'app.json': '{ "pages": ["pages/home/home"], "themeLocation": "theme.json", "darkmode": true }',
    'theme.json': '{ "light": { "bar": "#fff" }, "dark": { "bar": "#000" } }',
  })

  const { app } = readProject(completeConfig({ root: 'src', out: 'out' }, folder), new FileCache())

  expect(app.theme).toEqual({ light: { bar: '#fff' }, dark: { bar: '#000' } })
})

test('the first screen loads no sub-package', async () => {
  const { first, read } = await built(PACKAGES)

  const start = first.map((name) => read(new RegExp(`^${name}$`))).join('')
  expect(start).toContain('script of pages/home/home')
  expect(start).toContain('parts/in-both')
  expect(start).not.toContain('script of packages')
  expect(read(/^a-[A-Z0-9]{8}\.js$/)).toContain('template of packages/a/x/x')
  expect(read(/^b-[A-Z0-9]{8}\.js$/)).toContain('template of packages/b/y/y')
})

test('everything but index.html is named by its content', async () => {
  const { files, read } = await built({ 'images/a.png': 'png', 'app.wxss': 'page { color: red }' })

  const names = files.map(({ name }) => name)
  expect(names.filter((name) => !/-[A-Z0-9]{8}\.(js|css|png)(\.map)?$/.test(name))).toEqual(['index.html'])
  expect(read(/^main-.*\.js$/)).toMatch(/"\/images\/a\.png":"\.\/assets\/a-[A-F0-9]{8}\.png"/)
})

test('the page has no inline script, and the scripts no eval', async () => {
  const { read, first } = await built({})

  const html = read(/^index\.html$/)
  expect(html.match(/<script[^>]*>[^<]*<\/script>/g)).toEqual([
    `<script type="module" src="./${first[0]}"></script>`,
  ])
  expect(html).not.toMatch(/\son\w+=/)
  expect(read(/^main-.*\.js$/)).not.toMatch(/\beval\(|new Function\(/)
})

test('maps lead to TypeScript, WXS and WXML with their text', async () => {
  const { read } = await built({
    'pages/home/home.wxml': '<wxs module="m" src="./m.wxs" /><view>{{m.f()}}</view>',
    'pages/home/m.wxs': 'module.exports = { f: function () { return 1 } }',
  })

  const { sources, sourcesContent } = JSON.parse(read(/^main-.*\.js\.map$/))
  for (const [name, text] of [
    ['../src/pages/home/home.ts', 'Page({})'],
    ['../src/pages/home/home.wxml', '<wxs module="m" src="./m.wxs" /><view>{{m.f()}}</view>'],
    ['../src/pages/home/m.wxs', 'module.exports = { f: function () { return 1 } }'],
  ]) {
    expect(sourcesContent[sources.indexOf(name)]).toBe(text)
  }
  expect(sources.filter((/** @type {string} */ name) => path.isAbsolute(name))).toEqual([])
})

test('a position in the bundle leads to the line that was written', async () => {
  const { read } = await built({
    'pages/home/home.ts':
      "interface Row {\n  id: number\n}\nPage({ data: { row: { id: 1 } as Row, mark: 'in script' } })",
    'pages/home/home.wxml': [
      '<wxs module="m" src="./m.wxs" />',
      '<!-- <view> -->',
      '<view class="a > b {{x < 1 ? 1 : 2}}">in template {{m.f()}}</view>',
      '<template name="t">',
      '  <text>in named template</text>',
      '</template>',
      '<block wx:if="{{a}}"><text>in branch</text></block>',
      '<view wx:else>',
      '  <view wx:for="{{rows}}" wx:key="id">',
      '    <text data-says="in attribute">in list</text></view>',
      '</view>',
    ].join('\n'),
    'pages/home/m.wxs': "var a = 1\nmodule.exports = {\n  f: function () { return 'in wxs' + a }\n}",
  })

  const lines = read(/^main-.*\.js$/).split('\n')
  const map = new SourceMap(JSON.parse(read(/^main-.*\.js\.map$/)))
  /** @param {string} mark */
  const origin = (mark) => {
    const line = lines.findIndex((text) => text.includes(mark))
    const entry = /** @type {import('node:module').SourceMapping} */ (
      map.findEntry(line, lines[line].indexOf(mark) - 1)
    )
    return [path.posix.basename(entry.originalSource), entry.originalLine + 1]
  }
  expect(origin('in script')).toEqual(['home.ts', 4])
  expect(origin('in wxs')).toEqual(['m.wxs', 3])
  expect(origin('in template')).toEqual(['home.wxml', 3])
  expect(origin('in named template')).toEqual(['home.wxml', 5])
  expect(origin('in branch')).toEqual(['home.wxml', 7])
  expect(origin('in list')).toEqual(['home.wxml', 10])
  expect(origin('in attribute')).toEqual(['home.wxml', 10])
})

test('a second build takes away what the first one left', async () => {
  const { folder, root, out } = program()
  const config = { root: 'src', out: 'out', folder }
  const first = await build(config)
  write(path.join(root, 'pages/home/home.ts'), 'Page({ data: { other: true } })')

  const second = await build(config)

  expect(second.entry).not.toBe(first.entry)
  expect(fs.readdirSync(out).filter((name) => /^main-.*\.js$/.test(name))).toEqual([
    path.basename(second.entry),
  ])
})

test('packages are found beside their users, by configuration and in the folder of packages', async () => {
  const { read } = await built(
    {
      'pages/home/home.json': '{ "usingComponents": { "k-a": "kit/a/a" } }',
      'pages/home/home.wxml': '<k-a />',
      'pages/home/home.ts':
        "import { word } from 'words'\nimport { here } from '/model/here'\nPage({ data: { word, here } })",
      'model/here.ts': "export const here = 'from the root'",
      '../npm/words/index.js': "export const word = 'from the folder of packages'",
      '../kit/a/a.json': '{ "component": true }',
      '../kit/a/a.wxml': '<view>kit</view>',
      '../kit/a/a.js': "import { deep } from 'deep'\nComponent({ data: { deep } })",
      '../kit/miniprogram_npm/deep/index.js': "export const deep = 'from beside its user'",
    },
    { npm: 'npm', modules: { kit: 'kit' } },
  )

  const script = read(/^main-.*\.js$/)
  for (const text of ['from the root', 'from the folder of packages', 'from beside its user'])
    expect(script).toContain(text)
})

test('an address in WXSS is replaced by a local file', async () => {
  const { read } = await built(
    {
      'app.wxss': '@font-face { font-family: t; src: url(https://far.example/t.woff) }',
      '../t.woff': 'font',
    },
    { assets: [{ match: /far\.example.*woff$/, file: 't.woff' }] },
  )

  expect(read(/^main-.*\.js$/)).toMatch(/url\(\.\/assets\/t-[A-F0-9]{8}\.woff\)/)
})

test('an unknown element is a warning, and the program is built', async () => {
  const { warnings } = await built({ 'pages/home/home.wxml': '<view>\n  <crad /></view>' })

  expect(warnings.map(({ line, column, text }) => [line, column, text])).toEqual([
    [2, 3, 'WXML: <crad> is not in usingComponents'],
  ])
})

test('the host of a configuration is what the program starts with', async () => {
  const { read } = await built(
    { '../host.ts': "export default { login: async () => ({ code: 'from host' }) }" },
    { host: 'host.ts' },
  )

  expect(read(/^main-.*\.js$/)).toContain('from host')
})

test('what the configuration names as early is asked for by a script before the others', async () => {
  const early = [{ page: 'pages/home/home', url: '/list' }]
  const { folder } = program(PACKAGES)
  const { out } = await build({ root: 'src', out: 'out', early, folder })

  const html = fs.readFileSync(path.join(out, 'index.html'), 'utf8')
  const [, name] = html.match(/<script async src="\.\/(early-\w{8}\.js)">/) ?? []
  expect(html.indexOf(name)).toBeLessThan(html.indexOf('type="module"'))
  const fetched = await earlyAnswers(fs.readFileSync(path.join(out, name), 'utf8'))
  expect(fetched).toEqual({ 'http://program/list': 'answer to /list' })
})

test('scripts say that they are compiled while they load', async () => {
  const { folder } = program(PACKAGES)
  const { out, files } = await build({ root: 'src', out: 'out', folder })

  const scripts = files.map(({ name }) => name).filter((name) => name.endsWith('.js'))
  expect(scripts.length).toBeGreaterThan(1)
  for (const name of scripts)
    expect(fs.readFileSync(path.join(out, name), 'utf8')).toMatch(/^\/\/# allFunctionsCalledOnLoad\n/)
})

/** Runs the early script; the bodies by address, which have been read before anybody asks for them. @param {string} script */
async function earlyAnswers(script) {
  /** @type {Record<string, any>} */
  const browser = {
    location: { hash: '', href: 'http://program/m/' },
    localStorage: { getItem: () => null },
    fetch: async (/** @type {string} */ url) => new Response(`answer to ${url}`),
    AbortController,
    URL,
  }
  vm.runInNewContext(script, browser)
  const told = await Promise.all(
    [...browser.__earlyAnswers].map(async ([address, { response }]) => {
      const answer = await response
      expect(answer.bodyUsed).toBe(true)
      return [address, await answer.text()]
    }),
  )
  return Object.fromEntries(told)
}
