/** WXS to JavaScript. WXS is a subset of JavaScript with two departures, both bridged here. */
import { parse } from 'acorn'
import { simple } from 'acorn-walk'
import MagicString from 'magic-string'

/**
 * @typedef {object} WxsModule
 * @property {MagicString} code body of a function (require, exports, module)
 * @property {{ path: string, offset: number }[]} requires as written, without `.wxs`
 * @property {{ offset: number, text: string } | undefined} problem
 */

/** The runtime wraps exported functions: handlers of events and changes get what WeChat would give them. */
const EXPORT = '\n;module.exports = __wxsExports(module.exports)'

/** @param {string} source @returns {WxsModule} */
export function compileWxs(source) {
  const code = new MagicString(source)
  /** @type {WxsModule['requires']} */
  const requires = []
  /** @type {import('acorn').Program} */
  let program
  try {
    program = parse(source, { ecmaVersion: 2015, sourceType: 'script' })
  } catch (error) {
    const { pos = 0, message } = /** @type {SyntaxError & { pos?: number }} */ (error)
    return { code, requires, problem: { offset: pos, text: 'WXS: ' + message.replace(/ \(\d+:\d+\)$/, '') } }
  }
  simple(program, {
    MemberExpression: (node) => nameType(node, code),
    CallExpression(node) {
      const [first] = node.arguments
      if (node.callee.type !== 'Identifier' || first?.type !== 'Literal' || typeof first.value !== 'string')
        return
      if (node.callee.name === 'getRegExp') keepEscapes(first, code)
      if (node.callee.name === 'require') {
        const path = first.value.replace(/\.wxs$/, '')
        requires.push({ path, offset: first.start })
        code.overwrite(first.start, first.end, JSON.stringify(path))
      }
    },
  })
  code.append(EXPORT)
  return { code, requires, problem: undefined }
}

/**
 * In WXS `x.constructor` is the name of x's type: `a.constructor === 'Array'`.
 * @param {import('acorn').MemberExpression} node
 * @param {MagicString} code
 */
function nameType(node, code) {
  if (node.computed || node.property.type !== 'Identifier' || node.property.name !== 'constructor') return
  code.appendLeft(node.object.start, '__wxsType(')
  code.overwrite(node.object.end, node.end, ')')
}

/**
 * WXS keeps escapes it does not know, so that getRegExp('\d') means digits.
 * @param {import('acorn').Literal} literal
 * @param {MagicString} code
 */
function keepEscapes(literal, code) {
  const text = (literal.raw ?? '').slice(1, -1).replace(/\\\\/g, '\\')
  code.overwrite(literal.start, literal.end, JSON.stringify(text))
}
