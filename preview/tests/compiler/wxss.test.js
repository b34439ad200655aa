/** What becomes of a sheet: scopes, tags, widths, imports. */
import fs from 'node:fs'
import path from 'node:path'
import { expect, test, vi } from 'vitest'
import postcss from 'postcss'
import { FileCache } from '../../compiler/files.js'
import { compileWxss, convertValue } from '../../compiler/wxss.js'
import { program, write } from './program.js'

/** @param {string} root @param {object} [options] */
const options = (root, options = {}) => ({
  root,
  cache: new FileCache(),
  minify: false,
  rewriteUrl: (/** @type {string} */ url) => url,
  ...options,
})

/** @param {string} source @param {string} [scope] @param {string} [page] */
async function compiled(source, scope, page) {
  const { root } = program({ 'a.wxss': source })
  const { css } = await compileWxss(path.join(root, 'a.wxss'), { scope, page }, options(root))
  return css.trim()
}

test('classes of an isolated unit get its prefix', async () => {
  expect(await compiled('.a .b:active, .c.d { color: red }', 'card-1')).toBe(
    '.card-1--a .card-1--b:active, .card-1--c.card-1--d { color: red }',
  )
})

test('classes of the app stay as they are', async () => {
  expect(await compiled('.a { color: red }')).toBe('.a { color: red }')
})

test('tags of WeChat become their elements, others do not', async () => {
  expect(await compiled('page, scroll-view > t-cell text::before { color: red }')).toBe(
    'wx-page, wx-scroll-view > t-cell wx-text::before { color: red }',
  )
})

test("a page's rules stay on the page, and weigh what they weighed", async () => {
  expect(await compiled('page, page .a, .a .b, view { color: red }', undefined, 'pages/home/home')).toBe(
    [
      'wx-page:where([data-route="pages/home/home"])',
      ' wx-page:where([data-route="pages/home/home"]) .a',
      ' :where(wx-page[data-route="pages/home/home"]) .a .b',
      ' :where(wx-page[data-route="pages/home/home"]) wx-view { color: red }',
    ].join(','),
  )
})

test(':host is the element of the component', async () => {
  expect(await compiled(':host { color: red }', 'card-1')).toBe('[wx-host="card-1"] { color: red }')
})

test('an id is found by data-id with the weight of an id', async () => {
  expect(await compiled('#name .a { color: red }', 's')).toBe('[data-id="name"]:not(#_) .s--a { color: red }')
})

test('steps of an animation are no selectors', async () => {
  const animation = '@keyframes turn { from { width: 10rpx } to { width: 0 } }'

  expect(await compiled(animation, 's')).toBe(animation.replace('10rpx', 'calc(10 * var(--rpx))'))
})

test('rules inside a media query are scoped too', async () => {
  expect(await compiled('@media (prefers-color-scheme: dark) { .a { color: red } }', 's')).toBe(
    '@media (prefers-color-scheme: dark) { .s--a { color: red } }',
  )
})

test.each([
  ['24rpx', 'calc(24 * var(--rpx))'],
  ['-24rpx auto .5rpx', 'calc(-24 * var(--rpx)) auto calc(0.5 * var(--rpx))'],
  ['calc(100% - 24rpx)', 'calc(100% - calc(24 * var(--rpx)))'],
  ['0rpx', '0px'],
  ['50vw', 'calc(375 * var(--rpx))'],
  ['min(100vh, 24rpx)', 'min(calc(100 * var(--vh)), calc(24 * var(--rpx)))'],
  ['var(--gap-24rpx)', 'var(--gap-24rpx)'],
  ['"24rpx"', '"24rpx"'],
  ['url(a-24rpx.png)', 'url(a-24rpx.png)'],
  ['24px', '24px'],
])('%s becomes %s', (source, css) => {
  expect(convertValue(source, (url) => url)).toBe(css)
})

test('addresses are rewritten, whatever their quotes', () => {
  const value = `url("a.woff") format('woff'), url( b.woff )`

  expect(convertValue(value, (url) => `./assets/${url.trim()}`)).toBe(
    `url("./assets/a.woff") format('woff'), url(./assets/b.woff)`,
  )
})

test('imported sheets come first, each once, from beside the file or from the root', async () => {
  const { root } = program({
    'deep/a.wxss': '@import \'./b.wxss\';\n@import "/c.wxss";\n.a { color: red }',
    'deep/b.wxss': "@import '../c.wxss';\n.b { color: red }",
    'c.wxss': '.c { color: red }',
  })

  const { css, files } = await compileWxss(path.join(root, 'deep/a.wxss'), { scope: 's' }, options(root))

  expect(css).toBe('.s--c { color: red }\n.s--b { color: red }\n.s--a { color: red }\n')
  expect(files.map((file) => path.relative(root, file))).toEqual(['deep/a.wxss', 'deep/b.wxss', 'c.wxss'])
})

test('sheets that import each other end', async () => {
  const { root } = program({ 'a.wxss': "@import './b.wxss';.a{}", 'b.wxss': "@import './a.wxss';.b{}" })

  const { css } = await compileWxss(path.join(root, 'a.wxss'), {}, options(root))

  expect(css.replace(/\s/g, '')).toBe('.b{}.a{}')
})

test('a sheet used in many scopes is parsed once, and again when it has changed', async () => {
  const { root } = program({ 'a.wxss': '.a { color: red }' })
  const file = path.join(root, 'a.wxss')
  const parse = vi.spyOn(postcss, 'parse')
  const shared = options(root)

  const first = await compileWxss(file, { scope: 'one' }, shared)
  const second = await compileWxss(file, { scope: 'two' }, shared)
  expect([first.css, second.css]).toEqual(['.one--a { color: red }\n', '.two--a { color: red }\n'])
  expect(parse).toHaveBeenCalledTimes(1)

  write(file, '.b { color: red }')
  fs.utimesSync(file, 1, 1)
  const third = await compileWxss(file, { scope: 'one' }, shared)
  expect(third.css).toBe('.one--b { color: red }\n')
  parse.mockRestore()
})

test('minified sheets say the same', async () => {
  const { root } = program({
    'a.wxss': '/* why */ .a { color: #ff0000; width: 24rpx; } :host { color: blue }',
  })

  const { css } = await compileWxss(
    path.join(root, 'a.wxss'),
    { scope: 's' },
    options(root, { minify: true }),
  )

  expect(css).toBe('.s--a{color:red;width:calc(24 * var(--rpx))}[wx-host="s"]{color:#00f}\n')
})

test('a unit without a sheet has no CSS', async () => {
  const { root } = program()

  expect((await compileWxss(path.join(root, 'none.wxss'), { scope: 's' }, options(root))).css).toBe('')
})
