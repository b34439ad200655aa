/** Each mistake in a program's source is told with its file, line and column. */
import { expect, test } from 'vitest'
import { component, problems } from './program.js'

const HOME = {
  'pages/home/home.json': '{ "usingComponents": { "a-b": "/parts/a-b" } }',
  ...component('parts/a-b'),
}

test('a comma too many in JSON', async () => {
  const found = await problems({ 'pages/home/home.json': '{\n  "usingComponents": {},\n}' })

  expect(found).toEqual(['pages/home/home.json:2:24 JSON: JSON does not support trailing commas'])
})

test('a JSON file that ends too early', async () => {
  const found = await problems({ 'app.json': '{ "pages": [' })

  expect(found[0]).toMatch(/^app\.json:1:13 JSON: /)
})

test('a program without app.json', async () => {
  const found = await problems({ 'app.json': undefined })

  expect(found).toEqual(['app.json:1:1 no such file: a program starts with app.json'])
})

test('a component that does not exist', async () => {
  const found = await problems({
    'pages/home/home.json': '{\n  "usingComponents": { "a-b": "../../a-b" }\n}',
  })

  expect(found).toEqual(['pages/home/home.json:2:31 component not found: ../../a-b'])
})

test('a component that app.json names and that does not exist', async () => {
  const found = await problems({
    'app.json': '{ "pages": ["pages/home/home"], "usingComponents": { "t-x": "tdesign/x/x" } }',
  })

  expect(found).toEqual(['app.json:1:61 component not found: tdesign/x/x'])
})

test('a component without "component": true', async () => {
  const found = await problems({ ...HOME, 'parts/a-b.json': '{}' })

  expect(found).toEqual(['parts/a-b.json:1:1 "component": true is missing'])
})

test('a page that does not exist', async () => {
  const found = await problems({ 'app.json': '{\n  "pages": ["pages/home/home",\n    "pages/gone/gone"]\n}' })

  expect(found).toEqual(['app.json:3:5 page not found: pages/gone/gone (no pages/gone/gone.wxml)'])
})

test('a page without a script', async () => {
  const found = await problems({ 'pages/home/home.ts': undefined })

  expect(found).toEqual(['app.json:1:13 page not found: pages/home/home (no pages/home/home.ts or .js)'])
})

test('a page of a sub-package that does not exist', async () => {
  const found = await problems({
    'app.json': '{ "pages": ["pages/home/home"], "subPackages": [{ "root": "more", "pages": ["x/x"] }] }',
  })

  expect(found).toEqual(['app.json:1:77 page not found: more/x/x (no more/x/x.wxml)'])
})

test('a tab that is no page', async () => {
  const found = await problems({
    'app.json':
      '{ "pages": ["pages/home/home"],\n "tabBar": { "list": [{ "pagePath": "pages/x/x", "text": "x" }] } }',
  })

  expect(found).toEqual(['app.json:2:2 tabBar: pages/x/x is no page of the main package'])
})

test('TypeScript that cannot be read', async () => {
  const found = await problems({ 'pages/home/home.ts': 'Page({\n  data: { a: 1,, },\n})' })

  expect(found).toEqual(['pages/home/home.ts:2:16 Expected identifier but found ","'])
})

test('an import that leads nowhere', async () => {
  const found = await problems({ 'pages/home/home.ts': "import { a } from './a'\nPage({ data: { a } })" })

  expect(found).toEqual(['pages/home/home.ts:1:19 Could not resolve "./a"'])
})

test('a WXML tag that is not closed', async () => {
  const found = await problems({ 'pages/home/home.wxml': '<view>\n  <text>a\n</view>' })

  expect(found).toContain('pages/home/home.wxml:2:4 WXML: missing end tag')
})

test('a WXML end tag without a beginning', async () => {
  const found = await problems({ 'pages/home/home.wxml': '<view>a</view>\n</text>' })

  expect(found).toEqual(['pages/home/home.wxml:2:1 WXML: invalid end tag'])
})

test('a binding that is no expression', async () => {
  const found = await problems({ 'pages/home/home.wxml': '<view>\n  {{ a + }}</view>' })

  expect(found[0]).toMatch(/^pages\/home\/home\.wxml:2:\d+ WXML: unexpected character inside expression$/)
})

test('a template that is imported and does not exist', async () => {
  const found = await problems({ 'pages/home/home.wxml': '<view/>\n<import src="./row.wxml" />' })

  expect(found).toEqual(['pages/home/home.wxml:2:16 no such file: pages/home/row.wxml'])
})

test('a WXSS block that is not closed', async () => {
  const found = await problems({ 'pages/home/home.wxss': '.a { color: red; }\n.b {\n  color: red;\n' })

  expect(found).toEqual(['pages/home/home.wxss:2:1 WXSS: Unclosed block'])
})

test('a selector that cannot be read', async () => {
  const found = await problems({ 'app.wxss': '.a { color: red }\n.b[ { color: red }' })

  expect(found).toEqual(['app.wxss:2:3 WXSS: Unclosed bracket'])
})

test('a sheet that is imported and does not exist', async () => {
  const found = await problems({ 'pages/home/home.wxss': '.a { color: red }\n@import "./gone.wxss";' })

  expect(found).toHaveLength(1)
  expect(found[0]).toMatch(/^pages\/home\/home\.wxss:2:1 @import: no such file: .*gone\.wxss$/)
})

test('a broken sheet that two pages import is told once, in its own file', async () => {
  const found = await problems({
    'app.wxss': '@import "./tokens.wxss";',
    'pages/home/home.wxss': '@import "/tokens.wxss";',
    'tokens.wxss': '\n page {',
  })

  expect(found).toEqual(['tokens.wxss:2:2 WXSS: Unclosed block'])
})

test('WXS that cannot be read', async () => {
  const found = await problems({
    'pages/home/home.wxml': '<wxs module="m" src="./m.wxs" />\n<view>{{m.f()}}</view>',
    'pages/home/m.wxs': 'function f() {\n  return )\n}\nmodule.exports = { f: f }',
  })

  expect(found).toEqual(['pages/home/m.wxs:2:10 WXS: Unexpected token'])
})

test('WXS inside WXML that cannot be read is told by its place in the WXML', async () => {
  const found = await problems({
    'pages/home/home.wxml': '<view>{{m.f()}}</view>\n<wxs module="m">\nvar a = ;\n</wxs>',
  })

  expect(found).toEqual(['pages/home/home.wxml:3:9 WXS: Unexpected token'])
})

test('WXS that requires what does not exist', async () => {
  const found = await problems({
    'pages/home/home.wxml': '<wxs module="m" src="./m.wxs" />\n<view>{{m.f()}}</view>',
    'pages/home/m.wxs': "var other = require('./other.wxs')\nmodule.exports = other",
  })

  expect(found).toEqual(['pages/home/m.wxs:1:21 no such file: pages/home/other.wxs'])
})

test('several mistakes are told at once', async () => {
  const found = await problems({
    'pages/home/home.ts': 'Page({',
    'pages/home/home.wxml': '<view>',
    'pages/home/home.wxss': '.a {',
  })

  expect(found.map((text) => text.split(':')[0]).sort()).toEqual([
    'pages/home/home.ts',
    'pages/home/home.wxml',
    'pages/home/home.wxss',
  ])
})
