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

function element(name: string, attrs: Record<string, string>): HTMLElement | undefined {
  if (!TAGS.has(name)) return undefined
  const drawn = document.createElement(name)
  for (const [key, value] of Object.entries(attrs)) {
    if (ATTRIBUTES.has(key)) drawn.setAttribute(key, WRITTEN[key]?.(value) ?? value)
  }
  return drawn
}

/** Text of nodes may hold entities (&nbsp;), text of HTML has been read already. */
function draw(node: RichNode, decode: boolean): Node {
  const { type, name = '', text = '', attrs = {}, children } = node
  if (type === 'text') return document.createTextNode(decode ? entitiesIn(text) : text)
  const drawn = element(name.toLowerCase(), attrs)
  drawn?.append(...drawAll(children, decode))
  return drawn ?? document.createTextNode('')
}

function drawAll(nodes: RichNode[] | undefined, decode: boolean): Node[] {
  return (nodes ?? []).map((node) => draw(node, decode))
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
      innerOf(this)?.replaceChildren(...drawAll(list, typeof nodes !== 'string'))
    },
  },
})
