/** WXSS to CSS: rpx to the app's width, classes and hosts into their component's scope, WeChat's tags to their elements. */
import { transform } from 'esbuild'
import path from 'node:path'
import postcss from 'postcss'
import selectorParser from 'postcss-selector-parser'
import { isFile } from './files.js'

/** WeChat's own elements. */
export const BUILTIN_TAGS = new Set(
  `page view text image button input textarea scroll-view swiper swiper-item form label navigator rich-text icon picker
  picker-view picker-view-column checkbox checkbox-group radio radio-group switch slider progress canvas video audio
  camera map live-player live-pusher web-view cover-view cover-image movable-area movable-view page-container root-portal
  match-media share-element editor ad functional-page-navigator open-data official-account`.split(/\s+/),
)

/*
 * A sheet is compiled once and used by many: these stand for its user until it is known.
 */
const SCOPE = '__scope__'
/** Before each selector of a page's sheet: it reaches that page alone, and what in it does not keep styles out. */
const WITHIN = '__within__'
/** The element `page`. */
const PAGE = 'wx-page__own__'
/** Minified, the attribute has lost its quotation marks. */
const HOST = /\[wx-host="?__scope__"?\]/g

/**
 * @typedef {object} User of a sheet; app.wxss has neither
 * @property {string} [scope] prefix of its classes
 * @property {string} [page] route of the page that the sheet is for, when it is one that shares styles with the app
 */

/**
 * @typedef {object} Sheet one file
 * @property {string} css without its imports, scopes not yet filled in
 * @property {{ file: string, line: number, column: number }[]} imports
 * @property {import('./problem.js').Problem[]} problems
 */

/**
 * @typedef {object} SheetOptions
 * @property {string} root what `@import "/x.wxss"` starts at
 * @property {import('./files.js').FileCache} cache
 * @property {boolean} minify
 * @property {(url: string) => string} rewriteUrl
 */

/**
 * CSS of one component or page, imports included.
 * @param {string} file
 * @param {User} user
 * @param {SheetOptions} options
 * @returns {Promise<{ css: string, files: string[], problems: import('./problem.js').Problem[] }>}
 */
export async function compileWxss(file, user, options) {
  /** @type {Set<string>} */
  const seen = new Set()
  /** @type {import('./problem.js').Problem[]} */
  const problems = []
  /** @param {string} name @returns {Promise<string>} */
  const link = async (name) => {
    if (seen.has(name)) return ''
    seen.add(name)
    const sheet = await options.cache.get('wxss', name, (text) => compileSheet(name, text, options))
    problems.push(...sheet.problems)
    let css = ''
    for (const wanted of sheet.imports) {
      if (isFile(wanted.file)) css += await link(wanted.file)
      else problems.push({ ...wanted, file: name, text: `@import: no such file: ${wanted.file}` })
    }
    return css + sheet.css
  }
  const css = isFile(file) ? await link(file) : ''
  return { css: fillIn(css, user), files: [...seen], problems }
}

/** :where() adds no weight: between a rule of the app and one of the page, what was written decides. @param {string} css @param {User} user */
function fillIn(css, { scope = '', page }) {
  const own = page === undefined ? '' : `[data-route="${page}"]`
  return css
    .replaceAll(PAGE, own ? `wx-page:where(${own})` : 'wx-page')
    .replaceAll(WITHIN + ' ', own && `:where(wx-page${own}) `)
    .replaceAll(SCOPE + '--', scope && scope + '--')
    .replace(HOST, `[wx-host="${scope}"]`)
}

/** @param {string} file @param {string} text @param {SheetOptions} options @returns {Promise<Sheet>} */
async function compileSheet(file, text, options) {
  /** @type {Sheet} */
  const sheet = { css: '', imports: [], problems: [] }
  try {
    const root = postcss.parse(text, { from: file })
    sheet.imports = takeImports(root, file, options.root)
    root.walkRules(scopeRule)
    root.walkDecls((declaration) => {
      declaration.value = convertValue(declaration.value, options.rewriteUrl)
    })
    sheet.css = root.toString() + '\n'
    if (options.minify) sheet.css = await minified(sheet.css)
  } catch (error) {
    sheet.problems.push(problemOf(error, file))
  }
  return sheet
}

/** @param {string} css */
async function minified(css) {
  return (await transform(css, { loader: 'css', minify: true, logLevel: 'silent' })).code
}

/** @param {unknown} error @param {string} file @returns {import('./problem.js').Problem} */
function problemOf(error, file) {
  const {
    name,
    reason,
    message,
    line = 1,
    column = 1,
  } = /** @type {import('postcss').CssSyntaxError} */ (error)
  return { file, line, column, text: 'WXSS: ' + (name === 'CssSyntaxError' ? reason : message) }
}

/** @param {import('postcss').Root} sheet @param {string} file @param {string} root @returns {Sheet['imports']} */
function takeImports(sheet, file, root) {
  /** @type {Sheet['imports']} */
  const imports = []
  sheet.walkAtRules('import', (rule) => {
    const target = rule.params.replace(/^url\(|["');]/g, '').trim()
    if (/^(https?:)?\/\//.test(target)) return
    const name = target.startsWith('/') ? path.join(root, target) : path.resolve(path.dirname(file), target)
    const { line = 1, column = 1 } = rule.source?.start ?? {}
    imports.push({ file: name, line, column })
    rule.remove()
  })
  return imports
}

const scopeSelector = selectorParser((selectors) => {
  selectors.each(keepWithin)
  selectors.walkTags((tag) => {
    if (tag.value === 'page') tag.value = PAGE
    else if (BUILTIN_TAGS.has(tag.value)) tag.value = 'wx-' + tag.value
  })
  selectors.walkClasses((name) => {
    name.value = `${SCOPE}--${name.value}`
  })
  selectors.walkIds((id) => {
    // ids in the document carry their component's prefix, data-id does not; :not(#_) keeps the weight of an id
    id.replaceWith(attribute('data-id', id.value), selectorParser.pseudo({ value: ':not(#_)' }))
  })
  selectors.walkPseudos((pseudo) => {
    if (pseudo.value === ':host') pseudo.replaceWith(attribute('wx-host', SCOPE))
  })
})

/** @param {import('postcss-selector-parser').Selector} selector */
function keepWithin(selector) {
  const { first } = selector
  if (!first || (first.type === 'tag' && first.value === 'page') || first.value === ':root') return
  const { before } = first.spaces
  first.spaces.before = ''
  selector.prepend(selectorParser.combinator({ value: ' ' }))
  selector.prepend(selectorParser.tag({ value: WITHIN, spaces: { before, after: '' } }))
}

/** @param {string} name @param {string} value */
function attribute(name, value) {
  const quoted = JSON.stringify(value)
  return selectorParser.attribute({
    attribute: name,
    operator: '=',
    value,
    quoteMark: '"',
    raws: { value: quoted },
  })
}

/** @param {import('postcss').Rule} rule */
function scopeRule(rule) {
  const { parent } = rule
  if (parent?.type === 'atrule' && /keyframes$/.test(/** @type {import('postcss').AtRule} */ (parent).name))
    return
  try {
    rule.selector = scopeSelector.processSync(rule.selector)
  } catch (error) {
    throw rule.error(`selector: ${/** @type {Error} */ (error).message}`)
  }
}

const TEXT_OR_LENGTH = /"[^"]*"|'[^']*'|url\(\s*(["']?)([^"')]+)\1\s*\)|(?<![\w-])(-?\d*\.?\d+)(rpx|vw|vh)\b/g

/** @type {Record<string, (amount: number) => string>} */
const LENGTHS = {
  rpx: (amount) => `calc(${amount} * var(--rpx))`,
  vw: (amount) => `calc(${amount * 7.5} * var(--rpx))`,
  vh: (amount) => `calc(${amount} * var(--vh))`,
}

/**
 * An rpx is a 750th of the app's width, which the shell keeps in --rpx: right in a window, in a frame and at desktop size.
 * vw and vh are parts of the app's width and of the page's height between the bars, not of the window.
 * @param {string} value
 * @param {(url: string) => string} rewriteUrl
 */
export function convertValue(value, rewriteUrl) {
  if (!/rpx|vw|vh|url\(/.test(value)) return value
  return value.replace(TEXT_OR_LENGTH, (whole, quote, url, number, unit) => {
    if (url !== undefined) return `url(${quote}${rewriteUrl(url)}${quote})`
    if (number === undefined) return whole
    return Number(number) === 0 ? '0px' : LENGTHS[unit](Number(number))
  })
}
