/**
 * Checks what patients read: Chinese stands in src/texts alone, every `{{t.key}}` of a template is there and is no function,
 * and no text is left over. What `t` is, the script beside the template says: `data: { t: texts.confirm }`.
 */
import path from 'node:path'
import ts from 'typescript'
import { Mistake, filesBelow, read, run, source } from './paths.js'

const TEXTS = path.join(source, 'texts') + path.sep
const CHINESE = /[\u3000-\u303f\u3400-\u9fff\uff00-\uffef]/

const folder = path.dirname(source)
const program = ts.createProgram(filesBelow(source, /\.ts$/), {
  ...ts.parseJsonConfigFileContent({ extends: './tsconfig.json' }, ts.sys, folder).options,
  noEmit: true,
})
const checker = program.getTypeChecker()
/** Declarations that something shows. @type {Set<ts.Node>} */
const shown = new Set()
/** What `t` is in a script. @type {Map<string, ts.Type>} */
const textsOf = new Map()
/** @type {string[]} */
const findings = []

await run(() => {
  const scripts = program.getSourceFiles().filter(({ fileName }) => fileName.startsWith(source + path.sep))
  const [texts, others] = [true, false].map((wanted) =>
    scripts.filter(({ fileName }) => fileName.startsWith(TEXTS) === wanted),
  )
  texts.forEach((file) => visit(file, true))
  others.forEach((file) => visit(file, false))
  others.forEach(refuseChineseIn)
  filesBelow(source, /\.(wxml|wxs|wxss)$/).forEach(refuseChinese)
  filesBelow(source, /\.wxml$/).forEach(readTemplate)
  const all = texts.flatMap(textsIn)
  for (const text of all.filter((one) => !shown.has(one)))
    tell(text, `nobody shows the text "${text.name.getText()}"`)
  if (findings.length) throw new Mistake(findings.join('\n'))
  return `texts: ${all.length} of them, each shown somewhere`
})

/** @param {ts.Node} node @param {string} what */
function tell(node, what) {
  const file = node.getSourceFile()
  tellAt(file.fileName, file.text, node.getStart(), what)
}

/** @param {string} file @param {string} text @param {number} offset @param {string} what */
function tellAt(file, text, offset, what) {
  const lines = text.slice(0, offset).split('\n')
  findings.push(
    `${path.relative(path.dirname(folder), file)}:${lines.length}:${(lines.at(-1)?.length ?? 0) + 1} ${what}`,
  )
}

/** @param {string} file */
function refuseChinese(file) {
  const text = read(file)
  const comments = file.endsWith('.wxml') ? /<!--[\s\S]*?-->/g : /\/\*[\s\S]*?\*\//g
  const bare = text.replace(comments, (comment) => ' '.repeat(comment.length))
  const found = CHINESE.exec(bare)
  if (found) tellAt(file, text, found.index, 'words for patients belong in src/texts')
}

/** @param {ts.Node} node words in a script, its comments left aside */
function refuseChineseIn(node) {
  const isWords =
    ts.isStringLiteralLike(node) || ts.isTemplateHead(node) || ts.isTemplateMiddleOrTemplateTail(node)
  if (isWords && CHINESE.test(node.text)) tell(node, 'words for patients belong in src/texts')
  node.forEachChild(refuseChineseIn)
}

/**
 * Notes every text that a script names. An object of texts that is handed on whole is shown whole, but as `t` of a page:
 * there the template says which.
 * @param {ts.Node} node
 * @param {boolean} isTexts whether this is a module of texts, which puts objects together without showing them
 */
function visit(node, isTexts) {
  if (ts.isImportDeclaration(node) || ts.isTypeNode(node)) return
  if (isUse(node)) {
    noteDeclarations(checker.getSymbolAtLocation(node))
    const type = checker.getTypeAtLocation(node)
    if (isObjectOfTexts(type)) noteObject(node, type, isTexts)
  }
  if (ts.isBindingElement(node)) noteDeclarations(boundBy(node))
  node.forEachChild((child) => visit(child, isTexts))
}

/** @param {ts.Node} node @returns {node is ts.Identifier | ts.PropertyAccessExpression} */
function isUse(node) {
  const isItsOwnName =
    ts.isIdentifier(node) && ts.isPropertyAssignment(node.parent) && node.parent.name === node
  return (ts.isIdentifier(node) && !isItsOwnName) || ts.isPropertyAccessExpression(node)
}

/** @param {ts.BindingElement} node @returns {ts.Symbol | undefined} the property that `const { key } = texts` takes */
function boundBy(node) {
  const name = (node.propertyName ?? node.name).getText()
  return checker.getTypeAtLocation(node.parent).getProperty(name)
}

/** @param {ts.Symbol | undefined} symbol */
function noteDeclarations(symbol) {
  for (const declaration of symbol?.declarations ?? []) shown.add(declaration)
}

/** @param {ts.Type} type */
function isObjectOfTexts(type) {
  const declaration = type.symbol?.declarations?.[0]
  if (declaration === undefined || !ts.isObjectLiteralExpression(declaration)) return false
  return declaration.getSourceFile().fileName.startsWith(TEXTS)
}

/** @param {ts.Identifier | ts.PropertyAccessExpression} node @param {ts.Type} type @param {boolean} isTexts */
function noteObject(node, type, isTexts) {
  const { parent } = node
  if (ts.isPropertyAccessExpression(parent) || ts.isVariableDeclaration(parent)) return
  if (isTexts && !ts.isElementAccessExpression(parent)) return
  if (isMemberT(parent)) textsOf.set(node.getSourceFile().fileName, type)
  else showAll(type)
}

/** @param {ts.Node} node @returns {boolean} whether it is `t: ...` or `t` in an object */
function isMemberT(node) {
  return (
    (ts.isPropertyAssignment(node) || ts.isShorthandPropertyAssignment(node)) && node.name.getText() === 't'
  )
}

/** @param {ts.Type} type */
function showAll(type) {
  for (const property of type.getProperties()) {
    noteDeclarations(property)
    const inner = checker.getTypeOfSymbol(property)
    if (isObjectOfTexts(inner)) showAll(inner)
  }
}

/** @param {string} file */
function readTemplate(file) {
  const text = read(file)
  const type = textsOf.get(file.replace(/wxml$/, 'ts'))
  for (const { index, 0: expression } of text.matchAll(/\{\{.*?\}\}/gs)) {
    for (const found of expression.matchAll(/(?<![\w.'"$-])t((?:\.[A-Za-z_]\w*)+)(\s*\[)?/g)) {
      const complaint = type
        ? noteInTemplate(type, found[1].slice(1).split('.'), Boolean(found[2]))
        : 'no script says what t is'
      if (complaint) tellAt(file, text, index + found.index, complaint)
    }
  }
}

/** @param {ts.Type} type @param {string[]} keys @param {boolean} isIndexed whether `[...]` follows @returns {string} a complaint */
function noteInTemplate(type, keys, isIndexed) {
  let current = type
  for (const key of keys) {
    const property = current.getProperty(key)
    if (key === 'length' || property === undefined)
      return key === 'length' ? '' : `no text is named "${keys.join('.')}"`
    noteDeclarations(property)
    current = checker.getTypeOfSymbol(property)
  }
  if (isIndexed) showAll(current)
  else if (current.getCallSignatures().length)
    return `"${keys.join('.')}" takes values: make the sentence in the script`
  return ''
}

/** @param {ts.SourceFile} file @returns {ts.PropertyAssignment[]} every single text */
function textsIn(file) {
  /** @type {ts.PropertyAssignment[]} */
  const found = []
  /** @param {ts.Node} node */
  const collect = (node) => {
    if (ts.isPropertyAssignment(node) && !ts.isObjectLiteralExpression(node.initializer)) found.push(node)
    else if (!ts.isFunctionLike(node)) node.forEachChild(collect)
  }
  collect(file)
  return found
}
