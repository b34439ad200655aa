// The little Markdown of the consent texts as lines with a kind: headings, items, paragraphs.
export interface Line {
  key: number
  kind: 'title' | 'heading' | 'item' | 'text'
  text: string
}

const kinds: readonly [RegExp, Line['kind']][] = [
  [/^#\s+/, 'title'],
  [/^#{2,}\s+/, 'heading'],
  [/^[-*]\s+/, 'item'],
  [/^/, 'text'],
]

export function linesOf(markdown: string): Line[] {
  const lines = markdown.split('\n').filter((line) => line.trim())
  return lines.map((line, key) => {
    const [mark, kind] = kinds.find(([pattern]) => pattern.test(line)) ?? [/^/, 'text']
    return { key, kind, text: line.replace(mark, '') }
  })
}
