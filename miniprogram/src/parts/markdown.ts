// The little Markdown that the texts people agree to are written in: headings, lists, paragraphs.

export interface Block {
  kind: 'title' | 'heading' | 'item' | 'paragraph'
  text: string
}

export function blocks(markdown: string): Block[] {
  return markdown
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .map(blockOf)
}

function blockOf(line: string): Block {
  if (line.startsWith('# ')) return { kind: 'title', text: line.slice(2) }
  if (line.startsWith('#')) return { kind: 'heading', text: line.replace(/^#+\s*/, '') }
  if (line.startsWith('- ')) return { kind: 'item', text: line.slice(2) }
  return { kind: 'paragraph', text: line }
}
