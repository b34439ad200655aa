/**
 * Source maps of templates. The template compiler tells no positions, but it makes its elements in the order in which they
 * are written: `E("view", {}, attributes, children)`. So the elements of the code are paired with the tags of the source,
 * and where the two do not agree a map leads to the file's first line.
 */
import { parse } from 'acorn'
import { recursive } from 'acorn-walk'
import { SourceMap } from 'magic-string'

/** @typedef {{ tag: string, offset: number }} Tag in the source, by offset */
/** @typedef {{ tag: string, starts: number[] }} Made element: where its own code and that of its children start */
/** @typedef {Map<string, import('acorn').ArrowFunctionExpression>} Functions by name */

/** No elements of their own: what they stand for is in the code of what is around them. */
const UNSEEN = new Set(['block', 'slot', 'import', 'include', 'wxs', 'template'])

const TAG = new RegExp(
  [
    '<!--[\\s\\S]*?-->',
    '<wxs\\b(?:"[^"]*"|\'[^\']*\'|[^>"\'])*?(?:/>|>[\\s\\S]*?</wxs\\s*>)',
    '\\{\\{[\\s\\S]*?\\}\\}',
    '<(/?)([a-zA-Z][\\w.-]*)((?:"[^"]*"|\'[^\']*\'|[^>"\'])*)>',
  ].join('|'),
  'g',
)

/**
 * @param {string} code
 * @param {string} source
 * @param {{ name: string, isOwn: boolean }} file its name as the map tells it; of a package's file the name is enough
 * @returns {SourceMap}
 */
export function mapTemplate(code, source, { name, isOwn }) {
  const pairs = isOwn ? pair(elementsOf(code), tagsOf(source)) : []
  const segments = [[0, 0], ...pairs].sort(([one], [other]) => one - other)
  const [inCode, inSource] = [finder(code), finder(source)]
  /** @type {[number, number, number, number][][]} */
  const mappings = code.split('\n').map(() => [])
  for (const [start, offset] of segments) {
    const [line, column] = inCode(start)
    mappings[line].push([column, 0, ...inSource(offset)])
  }
  return new SourceMap({ sources: [name], sourcesContent: [source], names: [], mappings })
}

/** Offsets in the code and in the source that belong together. @param {Made[]} made @param {Tag[]} written @returns {number[][]} */
function pair(made, written) {
  const agree = made.length === written.length && made.every(({ tag }, n) => tag === written[n].tag)
  return agree ? made.flatMap(({ starts }, n) => starts.map((start) => [start, written[n].offset])) : []
}

/** Lines and columns, both from 0, of many offsets in one text. @param {string} text @returns {(offset: number) => [number, number]} */
function finder(text) {
  const starts = [0, ...Array.from(text.matchAll(/\n/g), ({ index }) => index + 1)]
  return (offset) => {
    const line = starts.findLastIndex((start) => start <= offset)
    return [line, offset - starts[line]]
  }
}

/**
 * Tags that become elements: those of named templates first, then the others, as the code has them.
 * @param {string} source
 * @returns {Tag[]}
 */
function tagsOf(source) {
  /** @type {[Tag[], Tag[]]} */
  const [named, others] = [[], []]
  let current = others
  for (const { index, 1: closing, 2: tag, 3: attributes } of source.matchAll(TAG)) {
    if (tag === 'template') current = isDefinition(closing, attributes) ? named : others
    else if (isSeen(closing, tag)) current.push({ tag, offset: index })
  }
  return [...named, ...others]
}

/** @param {string} closing @param {string} attributes of a template */
const isDefinition = (closing, attributes) =>
  !closing && /\sname\s*=/.test(attributes) && !attributes.endsWith('/')

/** @param {string} closing @param {string | undefined} tag */
const isSeen = (closing, tag) => tag !== undefined && !closing && !UNSEEN.has(tag)

/** @param {string} code @returns {Made[]} in the order in which they are written in the source */
function elementsOf(code) {
  /** @type {Made[]} */
  const made = []
  const program = parse(code, { ecmaVersion: 'latest', sourceType: 'module' })
  recursive(program, made, {
    AssignmentExpression({ left, right }, found, walk) {
      const isTemplate = left.type === 'MemberExpression' && right.type === 'ArrowFunctionExpression'
      if (isTemplate && code.slice(left.start, left.end).startsWith('H[')) readTemplate(right, found)
      else walk(right, found)
    },
  })
  return made
}

/**
 * A template is a function that returns `{ C: its first function }`.
 * @param {import('acorn').ArrowFunctionExpression} template
 * @param {Made[]} made
 */
function readTemplate(template, made) {
  recursive(template.body, null, {
    ReturnStatement({ argument }) {
      if (argument?.type !== 'ObjectExpression') return
      const [first] = argument.properties
      if (first?.type !== 'Property' || first.value.type !== 'Identifier') return
      const functions = functionsOf(template, new Map())
      const root = functions.get(first.value.name)
      if (root) readFunction(root, functions, made, [])
    },
    ArrowFunctionExpression() {},
  })
}

/**
 * The functions declared in a function, and those around it whose names are not taken inside.
 * @param {import('acorn').ArrowFunctionExpression} node
 * @param {Functions} outer
 * @returns {Functions}
 */
function functionsOf(node, outer) {
  const functions = new Map(outer)
  for (const parameter of node.params) if (parameter.type === 'Identifier') functions.delete(parameter.name)
  for (const { id, init } of declarationsOf(node)) {
    if (id.type !== 'Identifier') continue
    if (init?.type === 'ArrowFunctionExpression') functions.set(id.name, init)
    else functions.delete(id.name)
  }
  return functions
}

/** @param {import('acorn').ArrowFunctionExpression} node */
function declarationsOf({ body }) {
  const statements = body.type === 'BlockStatement' ? body.body : []
  return statements.flatMap((statement) =>
    statement.type === 'VariableDeclaration' ? statement.declarations : [],
  )
}

/**
 * Follows the calls that make what is inside: E an element, B a branch, F a list, J an inclusion.
 * @param {import('acorn').ArrowFunctionExpression} node
 * @param {Functions} outer
 * @param {Made[]} made
 * @param {number[]} starts of the element around it
 */
function readFunction(node, outer, made, starts) {
  starts.push(node.start)
  const functions = functionsOf(node, outer)
  recursive(node.body, null, {
    CallExpression(call) {
      const below = startsBelow(call, made, starts)
      for (const argument of below ? call.arguments : []) {
        const child = argument.type === 'Identifier' ? functions.get(argument.name) : undefined
        if (below && child) readFunction(child, functions, made, below)
      }
    },
    ArrowFunctionExpression() {},
  })
}

/**
 * @param {import('acorn').CallExpression} call
 * @param {Made[]} made
 * @param {number[]} starts
 * @returns {number[] | undefined} nothing for a call that makes nothing
 */
function startsBelow({ callee, start, arguments: [first] }, made, starts) {
  if (callee.type !== 'Identifier' || !/^[EBFJ]$/.test(callee.name)) return undefined
  if (callee.name !== 'E' || first.type !== 'Literal') return starts
  const below = [start]
  made.push({ tag: String(first.value), starts: below })
  return below
}
