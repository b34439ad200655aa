/** <rich-text>: HTML as text or as nodes; only tags and attributes that WeChat trusts are drawn. */
import { router } from '../runtime/router'
import { program } from '../runtime/program'
import { cssLengths } from '../runtime/units'
import { builtin, innerOf, type Part } from './part'

interface RichNode {
  type?: 'node' | 'text'
  name?: string
  text?: string
  attrs?: Record<string, string>
  children?: RichNode[]
}

const TAGS = new Set(
  (
    'a abbr address article aside b bdi bdo big blockquote br caption center cite code col colgroup dd del div dl dt em fieldset font ' +
    'footer h1 h2 h3 h4 h5 h6 header hr i img ins label legend li mark nav ol p pre q rt ruby s section small span strong sub sup ' +
    'table tbody td tfoot th thead tr tt u ul'
  ).split(' '),
)
const ATTRIBUTES = new Set([
  'class',
  'style',
  'alt',
  'src',
  'width',
  'height',
  'span',
  'colspan',
  'rowspan',
  'align',
  'start',
  'type',
  'dir',
  'color',
  'size',
])

function entitiesIn(text: string): string {
  return (
    new DOMParser().parseFromString(text.replace(/</g, '&lt;'), 'text/html').documentElement.textContent ?? ''
  )
}

function parsed(html: string): RichNode[] {
  const nodes = (from: Node): RichNode[] => Array.from(from.childNodes, node)
  const node = (from: Node): RichNode => {
    if (!(from instanceof Element)) return { type: 'text', text: from instanceof Text ? from.data : '' }
    const attrs = Object.fromEntries(Array.from(from.attributes, ({ name, value }) => [name, value]))
    return { name: from.localName, attrs, children: nodes(from) }
  }
  return nodes(new DOMParser().parseFromString(html, 'text/html').body)
}

function safeAddress(address: string): string {
  return /^\s*javascript:/i.test(address) ? '' : program.asset(address, router.current()?.route)
}

const WRITTEN: Record<string, (value: string) => string> = { src: safeAddress, style: cssLengths }

function drawElement({ name = '', attrs = {}, children }: RichNode, decode: boolean): HTMLElement {
  const drawn = document.createElement(name)
  for (const [key, value] of Object.entries(attrs)) {
    if (ATTRIBUTES.has(key)) drawn.setAttribute(key, WRITTEN[key]?.(value) ?? value)
  }
  drawn.append(...draw(children, decode))
  return drawn
}

/** A node that is not trusted goes with all its children. Text of nodes may hold entities (&nbsp;), text of HTML has been read already. */
function draw(nodes: RichNode[] | undefined, decode: boolean): Node[] {
  const trusted = (nodes ?? []).filter(
    ({ type, name = '' }) => type === 'text' || TAGS.has(name.toLowerCase()),
  )
  return trusted.map((node) => {
    if (node.type !== 'text') return drawElement(node, decode)
    return document.createTextNode(decode ? entitiesIn(node.text ?? '') : (node.text ?? ''))
  })
}

builtin({
  properties: { nodes: { type: null, value: '' }, space: String, userSelect: Boolean },
  observers: {
    nodes(this: Part) {
      this.draw()
    },
  },
  lifetimes: {
    attached(this: Part) {
      this.draw()
    },
  },
  methods: {
    draw(this: Part) {
      const nodes = this.data.nodes as string | RichNode[] | null
      const list = typeof nodes === 'string' ? parsed(nodes) : (nodes ?? [])
      innerOf(this)?.replaceChildren(...draw(list, typeof nodes !== 'string'))
    },
  },
})
