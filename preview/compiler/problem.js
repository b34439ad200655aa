/** What is wrong with a program's source and where, told as `file:line:column what`. */
import path from 'node:path'

/**
 * @typedef {object} Problem
 * @property {string} file absolute path
 * @property {number} line from 1
 * @property {number} column from 1
 * @property {string} text
 * @property {boolean} [warning] the build goes on
 */

/** Thrown when a program cannot be built; carries every problem found so far, not only the first. */
export class BuildFailed extends Error {
  /** @param {Problem[]} problems */
  constructor(problems) {
    super(problems.map((problem) => tell(problem)).join('\n'))
    this.name = 'BuildFailed'
    this.problems = problems
  }
}

/**
 * @param {Problem} problem
 * @param {string} [from] folder that file names are told relative to
 */
export function tell(problem, from = process.cwd()) {
  const file = path.relative(from, problem.file) || problem.file
  return `${file}:${problem.line}:${problem.column} ${problem.warning ? 'warning: ' : ''}${problem.text}`
}

/**
 * Line and column, both from 1, of an offset in a text.
 * @param {string} text
 * @param {number} offset
 */
export function placeOf(text, offset) {
  const before = text.slice(0, Math.max(0, offset)).split('\n')
  return { line: before.length, column: before[before.length - 1].length + 1 }
}

/**
 * Where a JSON string value or key stands in its file's text; the start of the file when it is not there.
 * @param {string} text
 * @param {string} value
 */
export const placeOfString = (text, value) => placeOf(text, Math.max(0, text.indexOf(JSON.stringify(value))))

/** @param {import('esbuild').Message} message @param {string} root what its file name is relative to @returns {Problem} */
export function fromEsbuild(message, root) {
  const { file = 'app.json', line = 1, column = 0 } = message.location ?? {}
  return { file: path.resolve(root, file), line, column: column + 1, text: message.text }
}

/** @param {Problem} problem @returns {import('esbuild').PartialMessage} */
export const toEsbuild = ({ file, line, column, text }) => ({
  text,
  location: { file, line, column: column - 1 },
})
