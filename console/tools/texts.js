/** Checks that what staff read stands in src/texts, and that styles stand where stylelint reads them. `node tools/texts.js` */
import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const source = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../src')
const texts = path.join(source, 'texts') + path.sep
const rules = [
  [/[\u3000-\u303f\u3400-\u9fff\uff00-\uffef]/g, 'words for staff belong in src/texts'],
  [
    /<style(?![^>]*\bsrc=)[^>]*>/g,
    'styles belong in a .css file beside the page: <style scoped src="./page.css">',
  ],
]

/** Comments may show what a function answers. */
const comments = /\/\*[\s\S]*?\*\/|<!--[\s\S]*?-->|(?<=^|\s)\/\/.*$/gm
const bare = (/** @type {string} */ content) =>
  content.replace(comments, (comment) => comment.replace(/[^\n]/g, ' '))

const files = fs
  .readdirSync(source, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && /\.(ts|vue|css)$/.test(entry.name) && entry.name !== 'schema.d.ts')
  .map((entry) => path.join(entry.parentPath, entry.name))
  .filter((file) => !file.startsWith(texts))

const findings = files.flatMap((file) => {
  const content = bare(fs.readFileSync(file, 'utf8'))
  return rules.flatMap(([pattern, what]) =>
    [...content.matchAll(pattern)].map(({ index }) => {
      const line = content.slice(0, index).split('\n').length
      return `console/src/${path.relative(source, file)}:${line} ${what}`
    }),
  )
})

for (const finding of new Set(findings)) console.error(finding)
if (findings.length) process.exitCode = 1
else console.log(`texts: ${files.length} files without words of their own`)
