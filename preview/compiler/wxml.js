/** WXML to JavaScript through glass-easel's template compiler, one module per file. */
import glassEaselCompiler from 'glass-easel-template-compiler'
import path from 'node:path'
import { placeOf } from './problem.js'
import { compileWxs } from './wxs.js'

const { TmplGroup } = glassEaselCompiler

/**
 * @typedef {object} Template
 * @property {string} code expression of the generated template; free names: G R D X Y Z P Q
 * @property {Reference[]} templates what it imports or includes
 * @property {Reference[]} scripts WXS files it uses
 * @property {string[]} tags element names that occur in it
 * @property {import('./problem.js').Problem[]} problems
 */

/** @typedef {{ path: string, offset: number }} Reference path without ending; offset of the mention in the source */

/**
 * @typedef {object} ParseError as the template compiler tells it, lines and columns from 0
 * @property {'Note' | 'Warn' | 'Error' | 'Fatal'} level
 * @property {string} message
 * @property {number} code
 * @property {number} startLine
 * @property {number} startColumn
 */

/** Named as warnings by the template compiler, refused by WeChat: a missing end tag, an end tag without a beginning. */
const REFUSED = new Set([0x10007, 0x1001f])

/**
 * @param {string} name path of the template in the program, without ending
 * @param {string} file
 * @param {string} source
 * @param {{ dev: boolean, isOwn: boolean }} options isOwn: of the program itself, not of a package it uses
 * @returns {Template}
 */
export function compileWxml(name, file, source, { dev, isOwn }) {
  const group = dev ? TmplGroup.newDev() : new TmplGroup()
  try {
    /** @type {ParseError[]} */
    const found = group.addTmpl(name, source)
    const problems = found.map((error) => problemOf(error, file, isOwn))
    const scripts = inlineScripts(group, name, file, source, problems)
    const references = group.getScriptDependencies(name).map((script) => mention(script, '.wxs', source))
    const code = group.getTmplGenObject(name)
    return {
      code,
      templates: group.getDirectDependencies(name).map((template) => mention(template, '.wxml', source)),
      scripts: [...references, ...scripts],
      tags: [...new Set(Array.from(code.matchAll(/\bE\("([^"]+)"/g), (match) => match[1]))],
      problems,
    }
  } finally {
    group.free()
  }
}

/**
 * What is no error in WeChat's eyes is a warning, and a package is not ours to mend: only what cannot be understood counts.
 * @param {ParseError} error
 * @param {string} file
 * @param {boolean} isOwn
 * @returns {import('./problem.js').Problem}
 */
function problemOf(error, file, isOwn) {
  const refused = error.level === 'Error' || REFUSED.has(error.code)
  const warning = error.level !== 'Fatal' && !(isOwn && refused)
  const text = 'WXML: ' + error.message
  return { file, line: error.startLine + 1, column: error.startColumn + 1, text, warning }
}

/**
 * Where a file is mentioned: by the last part of its name, which is all that is left of how it was written.
 * @param {string} target
 * @param {string} ending
 * @param {string} source
 * @returns {Reference}
 */
function mention(target, ending, source) {
  const last = path.posix.basename(target)
  const offsets = [last + ending, last].map((text) => source.indexOf(text)).filter((offset) => offset >= 0)
  return { path: target, offset: offsets[0] ?? 0 }
}

/**
 * Turns `<wxs module>` bodies into JavaScript in place.
 * @param {import('glass-easel-template-compiler').TmplGroup} group
 * @param {string} name
 * @param {string} file
 * @param {string} source
 * @param {import('./problem.js').Problem[]} problems
 * @returns {Reference[]} WXS files they require
 */
function inlineScripts(group, name, file, source, problems) {
  /** @type {Reference[]} */
  const required = []
  for (const module of group.getInlineScriptModuleNames(name)) {
    const body = group.getInlineScript(name, module)
    const start = Math.max(0, source.indexOf(body))
    const { code, requires, problem } = compileWxs(body)
    if (problem) problems.push({ file, ...placeOf(source, start + problem.offset), text: problem.text })
    group.setInlineScript(name, module, code.toString())
    for (const { path: target, offset } of requires) {
      required.push({ path: resolveIn(name, target), offset: start + offset })
    }
  }
  return required
}

/**
 * Path of what a file of the program mentions, relative to it or from the root.
 * @param {string} from
 * @param {string} target
 */
export const resolveIn = (from, target) =>
  target.startsWith('/') ? target.slice(1) : path.posix.join(path.posix.dirname(from), target)

/** Names shared by all generated templates of a program: G templates, R and D scripts, the others small functions. */
export function templateGlobals() {
  const group = new TmplGroup()
  try {
    // the compiler leaves out what belongs to scripts unless it has seen one
    group.addTmpl('', '<wxs module="a"></wxs><view bind:tap="{{a.b}}">{{a.b()}}</view>')
    return `${group.exportGlobals()}\nvar G = {}, R = {}\nexport { G, R, D, X, Y, Z, P, Q }\n`
  } finally {
    group.free()
  }
}
