/**
 * TDesign's icons without its CDN: the glyphs that are used, from the font of the icon package. Code points are taken
 * from that font, not from TDesign's sheet: the two are of different releases and number some glyphs differently.
 */
import { createRequire } from 'node:module'
import path from 'node:path'
import subsetFont from 'subset-font'
import { Mistake, read } from './paths.js'
import { readFileSync } from 'node:fs'

const require = createRequire(import.meta.url)
const fonts = path.join(
  path.dirname(require.resolve('tdesign-icons-web-components/package.json')),
  'lib/iconfont',
)

const WORD = /(["'`])([a-z][a-z0-9-]*)\1/g
const PARTS = /'([a-z][a-z0-9-]*-)'\s*\+\s*\w+(?:\s*\+\s*'(-[a-z0-9-]+)')?/g

/** File name of the font beside the sheet. */
export const FONT = 't.woff'

/**
 * The icon font and the rules of icon.wxss for the icons that files name.
 * @param {string[]} ours templates, scripts and WXS of the program
 * @param {string[]} theirs those of TDesign
 * @param {string} sheet TDesign's icon.wxss
 */
export async function usedIcons(ours, theirs, sheet) {
  const glyphs = glyphsOf(read(path.join(fonts, 't.svg')))
  refuseUnknown(ours, glyphs)
  const names = namesIn([...ours, ...theirs], glyphs).sort()
  const text = names.map((name) => glyphs.get(name)).join('')
  const font = await subsetFont(readFileSync(path.join(fonts, FONT)), text, { targetFormat: 'woff' })
  return { names, font, sheet: prunedSheet(sheet, names, glyphs) }
}

/** @param {string} svg the font as SVG, which names its glyphs @returns {Map<string, string>} name -> character */
function glyphsOf(svg) {
  const found = svg.matchAll(/<glyph glyph-name="([^"]+)"\s+unicode="&#x([0-9A-F]+);"/gi)
  return new Map(Array.from(found, ([, name, code]) => [name, String.fromCodePoint(parseInt(code, 16))]))
}

/**
 * Every quoted word that is an icon's name. That takes a few too many, at a hundred bytes each, and misses none that is
 * written out; names put together of parts, such as 'check-' + shape + '-filled', take all icons that fit.
 * @param {string[]} files
 * @param {Map<string, string>} glyphs
 */
function namesIn(files, glyphs) {
  const texts = files.map(read)
  const words = new Set(texts.flatMap((text) => Array.from(text.matchAll(WORD), ([, , word]) => word)))
  const parts = texts.flatMap((text) =>
    Array.from(text.matchAll(PARTS), ([, head, tail = '']) => ({ head, tail })),
  )
  return [...glyphs.keys()].filter((name) => words.has(name) || parts.some((part) => fits(name, part)))
}

/** @param {string} name @param {{ head: string, tail: string }} part */
function fits(name, { head, tail }) {
  const middle = name.slice(head.length, name.length - tail.length)
  return name.startsWith(head) && name.endsWith(tail) && /^[a-z0-9]+$/.test(middle)
}

/** @param {string[]} files @param {Map<string, string>} glyphs */
function refuseUnknown(files, glyphs) {
  const wrong = files
    .filter((file) => file.endsWith('.wxml'))
    .flatMap((file) =>
      Array.from(
        read(file).matchAll(/<t-[^>]*?\s(?:(?:\w+-)?icon|(?<=<t-icon\s[^>]*)name)="([a-z][\w-]*)"/g),
        ([, name]) => ({
          file,
          name,
        }),
      ),
    )
    .filter(({ name }) => !glyphs.has(name) && name !== 'true' && name !== 'false')
  if (wrong.length)
    throw new Mistake(wrong.map(({ file, name }) => `${file}: no icon is named "${name}"`).join('\n'))
}

/** @param {string} sheet @param {string[]} names @param {Map<string, string>} glyphs */
function prunedSheet(sheet, names, glyphs) {
  const kept = sheet
    .replace(/@font-face\s*\{[^}]*\}/, `@font-face{font-family:t;src:url(${FONT}) format('woff');}`)
    .replace(/^\.t-icon-[a-z0-9-]+:before\{content:[^}]*\}\n?/gm, '')
  const rules = names.map((name) => {
    const code = /** @type {string} */ (glyphs.get(name)).codePointAt(0)
    return `.t-icon-${name}:before{content:'\\${code?.toString(16)}';}\n`
  })
  if (kept.includes('https://')) throw new Mistake('icon.wxss still names a server')
  return kept.trimEnd() + '\n' + rules.join('')
}
