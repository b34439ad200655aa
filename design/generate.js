// Writes the design tokens as WXSS variables for the mini program, and as CSS variables and ECharts themes for the
// console; `node design/generate.js`.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = dirname(fileURLToPath(import.meta.url))
const tokens = JSON.parse(readFileSync(resolve(here, 'tokens.json'), 'utf8'))
const { colour, font, space, radius, touch } = tokens

const declarations = (values, name, value) =>
  Object.entries(values).map(([key, one]) => `  --${name(key)}: ${value(one)};`)

const colours = (values) =>
  declarations(
    values,
    (key) => key,
    (value) => value,
  )
const pixels = (prefix, values) =>
  declarations(
    values,
    (key) => `${prefix}-${key}`,
    (px) => `${px}px`,
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
const generated = '/* Generated from design/tokens.json. */\n'
const common = [...pixels('space', space), ...pixels('radius', radius), `  --motion: ${tokens.motion_ms}ms;`]

function write(file, text) {
  const target = resolve(here, '..', file)
  mkdirSync(dirname(target), { recursive: true })
  writeFileSync(target, text)
}

function wxss() {
  const sizes = [...scaled('font', font), ...common, `  --touch: ${touch.plain}px;`]
  return [
    generated,
    rule('page,\n.page', [...colours(colour.light), ...sizes]),
    rule('.care', [...colours(colour.care), `  --touch: ${touch.care}px;`]),
    inDark(rule('page,\n.page', colours(colour.dark)) + rule('.care', colours(colour['care-dark']))),
  ].join('\n')
}

function css() {
  const sizes = [...pixels('font', tokens.console.font), ...common]
  return [
    generated,
    rule(':root', [...colours(colour.light), ...sizes]),
    rule(":root[theme-mode='dark']", ['  color-scheme: dark;', ...colours(colour.dark)]),
  ].join('\n')
}

/** ECharts knows no CSS variables: its themes hold the colours themselves. */
function chartTheme(values, series) {
  const label = { color: values['text-2'] }
  const line = { lineStyle: { color: values.line } }
  const axis = { axisLabel: label, nameTextStyle: label, axisLine: line, splitLine: line, axisTick: line }
  return {
    color: series,
    textStyle: { fontFamily: 'system-ui, sans-serif' },
    legend: { textStyle: label },
    categoryAxis: { ...axis, splitLine: { show: false } },
    valueAxis: axis,
    timeAxis: axis,
    tooltip: {
      backgroundColor: values.card,
      borderColor: values.line,
      textStyle: { color: values['text-1'] },
    },
  }
}

write('miniprogram/src/styles/tokens.wxss', wxss())
write('console/src/styles/tokens.css', css())
write(
  'console/src/styles/chart-theme.json',
  JSON.stringify({
    light: chartTheme(colour.light, tokens.console.series.light),
    dark: chartTheme(colour.dark, tokens.console.series.dark),
  }),
)
