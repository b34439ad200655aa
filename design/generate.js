// Writes the design tokens as WXSS variables for the mini program; `node design/generate.js`.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = dirname(fileURLToPath(import.meta.url))
const tokens = JSON.parse(readFileSync(resolve(here, 'tokens.json'), 'utf8'))
const target = resolve(here, '../miniprogram/src/styles/tokens.wxss')

const declarations = (values, name, value) =>
  Object.entries(values).map(([key, one]) => `  --${name(key)}: ${value(one)};`)

const colours = (values) =>
  declarations(
    values,
    (key) => key,
    (value) => value,
  )
// Grows with care mode: the root of each page sets --scale, so the sum has to be made there.
const scaled = (prefix, values) =>
  declarations(
    values,
    (key) => `${prefix}-${key}`,
    (px) => `calc(${px}px * var(--scale, 1))`,
  )

const rule = (selector, lines) => `${selector} {\n${lines.join('\n')}\n}\n`
const inDark = (rules) => `@media (prefers-color-scheme: dark) {\n${rules.replace(/^(?=.)/gm, '  ')}}\n`

const { colour, font, space, radius, touch } = tokens
const sizes = [
  ...scaled('font', font),
  ...declarations(
    space,
    (key) => `space-${key}`,
    (px) => `${px}px`,
  ),
  ...declarations(
    radius,
    (key) => `radius-${key}`,
    (px) => `${px}px`,
  ),
  `  --touch: ${touch.plain}px;`,
  `  --motion: ${tokens.motion_ms}ms;`,
]

mkdirSync(dirname(target), { recursive: true })
writeFileSync(
  target,
  [
    '/* Generated from design/tokens.json. */\n',
    rule('page,\n.page', [...colours(colour.light), ...sizes]),
    rule('.care', [...colours(colour.care), `  --touch: ${touch.care}px;`]),
    inDark(rule('page,\n.page', colours(colour.dark)) + rule('.care', colours(colour['care-dark']))),
  ].join('\n'),
)
