/** WXS run as JavaScript means what it means in WeChat. */
import { expect, test } from 'vitest'
import { compileWxs } from '../../compiler/wxs.js'

/** @param {string} source @returns {any} what the script exports */
function run(source) {
  const module = { exports: {} }
  const names = ['require', 'exports', 'module', '__wxsExports', '__wxsType', 'getRegExp']
  const body = new Function(...names, compileWxs(source).code.toString())
  const typeOf = (/** @type {unknown} */ value) => Object.prototype.toString.call(value).slice(8, -1)
  const required = (/** @type {string} */ name) => ({ name })
  const exported = (/** @type {object} */ value) => value
  body(
    required,
    module.exports,
    module,
    exported,
    typeOf,
    (/** @type {string} */ s, /** @type {string} */ f) => new RegExp(s, f),
  )
  return module.exports
}

test('constructor is the name of a type', () => {
  const { is } = run('module.exports = { is: function (x, name) { return x.constructor === name } }')

  expect([is([], 'Array'), is('a', 'String'), is(1, 'Number'), is({}, 'Array')]).toEqual([
    true,
    true,
    true,
    false,
  ])
})

test('constructor of an expression inside an expression', () => {
  const { f } = run(
    "exports.f = function (a) { return a[0].b.constructor + '/' + (a[0].b.constructor === 'Date') }",
  )

  expect(f([{ b: 'x' }])).toBe('String/false')
})

test('getRegExp keeps the escapes it is given', () => {
  const { digits } = run(
    "exports.digits = function (s) { return s.replace(getRegExp('^(\\d+)(\\\\d{2})$'), '$1.$2') }",
  )

  expect(digits('1250')).toBe('12.50')
})

test('required modules are named without their ending', () => {
  const source = "var other = require('../a/other.wxs')\nmodule.exports = other"

  expect(compileWxs(source).requires).toEqual([{ path: '../a/other', offset: 20 }])
  expect(run(source)).toEqual({ name: '../a/other' })
})

test('a default for a parameter is allowed, as in WeChat', () => {
  expect(run("module.exports = { f: function (a = 'b') { return a } }").f()).toBe('b')
})

test('a mistake is told by its offset', () => {
  expect(compileWxs('var a = ;').problem).toEqual({ offset: 8, text: 'WXS: Unexpected token' })
})
