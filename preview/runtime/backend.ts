/** glass-easel's DOM backend with WeChat's element names, lengths, attributes, coordinates and touches. */
import { glassEasel } from './easel'
import { play } from './animation'
import { setAria, tabStop, unsetAria } from './accessibility'
import { cssLengths } from './units'
import { pageArea, screen } from './screen'

declare const process: { env: { NODE_ENV?: string } }

type BackendElement = glassEasel.domlikeBackend.Element
type Document = glassEasel.CurrentWindowBackendContext['document']
type Listener = Parameters<glassEasel.CurrentWindowBackendContext['onEvent']>[0]

/** Tags that are drawn by the components in builtin/. */
export const builtinTags = new Set<string>()

/** Attributes of WeChat's elements that mean something else, or nothing, to a browser. */
const SILENT = new Set(['hover-class', 'hover-start-time', 'hover-stay-time', 'hover-stop-propagation'])

/** `<h-input>` in the template of a builtin is the browser's own input; everything else is WeChat's. */
function elementName(tag: string): string {
  if (tag.startsWith('h-')) return tag.slice(2)
  if (tag.startsWith('wx-')) return tag
  return tag.includes('-') && !builtinTags.has(tag) ? tag : `wx-${tag}`
}

function setAttribute(this: HTMLElement, name: string, value: string): void {
  if (name === 'animation') return play(this, value)
  if (name.startsWith('aria-')) return setAria(this, name, value)
  if (name === 'tabindex' && value === '') return tabStop(this)
  const key = SILENT.has(name) ? `data-${name}` : name
  Element.prototype.setAttribute.call(this, key, name === 'style' ? cssLengths(value) : value)
}

function removeAttribute(this: HTMLElement, name: string): void {
  if (name.startsWith('aria-')) return unsetAria(this, name)
  if (name === 'tabindex') return tabStop(this)
  Element.prototype.removeAttribute.call(this, name)
}

/** glass-easel prefixes ids by component; the author's own id stays readable beside it. */
const ID: PropertyDescriptor = {
  get(this: HTMLElement) {
    return this.getAttribute('id') ?? ''
  },
  set(this: HTMLElement, value: string) {
    Element.prototype.setAttribute.call(this, 'id', value)
    this.dataset.id = value.replace(/^.*?--/, '')
  },
}

/** Elements of WeChat that the preview leaves empty; said once for each. */
const MISSING = new Set(
  'camera canvas channel-live editor functional-page-navigator live-player live-pusher map movable-area movable-view video voip-room'.split(
    ' ',
  ),
)

function warnOfMissing(tag: string): void {
  if (MISSING.delete(tag)) console.warn(`<${tag}> is not in the preview: it stays empty`)
}

function createElement(tag: string): HTMLElement {
  warnOfMissing(tag)
  const element = document.createElement(elementName(tag))
  element.setAttribute = setAttribute
  element.removeAttribute = removeAttribute
  Object.defineProperty(element, 'id', ID)
  return element
}

export class WebBackend extends glassEasel.CurrentWindowBackendContext {
  override document = {
    createElement,
    createTextNode: (text: string) => document.createTextNode(text),
    createDocumentFragment: () => document.createDocumentFragment(),
  } as unknown as Document

  private readonly sheets = new Set<string>()
  private readonly prevented = new WeakSet<globalThis.Event>()

  /** A style sheet belongs to the program, not to each page that is opened. */
  override appendStyleSheetPath(path: string, styleScope?: number): number {
    if (this.sheets.has(path)) return 0
    this.sheets.add(path)
    return super.appendStyleSheetPath(path, styleScope)
  }

  override getWindowWidth(): number {
    return pageArea().width
  }

  override getWindowHeight(): number {
    return pageArea().height
  }

  override onEvent(listener: Listener): void {
    super.onEvent((target, type, detail, options) => {
      const from = options.originalEvent as globalThis.Event
      const status = listener(target, type, detail, options)
      // A caught tap must not take the click, and with it the focus, from a field inside: only moves can be prevented.
      if (status === 1 && type === 'touchmove') this.prevented.add(from)
    })
  }

  /** glass-easel listens on the body, where browsers scroll without asking; catch:touchmove has to stop the scroll at the element. */
  override setListenerStats(element: BackendElement, type: string, capture: boolean, level: number): void {
    super.setListenerStats(element, type, capture, Math.min(level, 1))
    if (type !== 'touchmove' || !element) return
    const target = element as unknown as HTMLElement & { mpMoves?: boolean }
    if (target.mpMoves) return
    target.mpMoves = true
    const stop = (e: TouchEvent) => {
      if (e.cancelable && this.prevented.has(e)) e.preventDefault()
    }
    target.addEventListener('touchmove', stop, { passive: false })
  }

  /** Without a relative element WeChat means the page area, not the browser's window. */
  override createIntersectionObserver(
    ...[target, relative, margin, thresholds, listener]: Parameters<
      glassEasel.CurrentWindowBackendContext['createIntersectionObserver']
    >
  ) {
    const root = relative ?? (screen.pages as unknown as BackendElement)
    return super.createIntersectionObserver(target, root, margin, thresholds, listener)
  }
}

/** Measures count from the page area's corner; the root of a page tells how far it is scrolled, as the viewport's query expects. */
function getBoundingClientRect(
  this: glassEasel.Element,
  answer: (rect: { left: number; top: number; width: number; height: number }) => void,
): void {
  const element = this.getBackendElement() as unknown as HTMLElement | null
  setTimeout(() => answer(element ? rectOf(element) : { left: 0, top: 0, width: 0, height: 0 }))
}

function rectOf(element: HTMLElement) {
  if (element.parentElement === screen.pages) {
    const { scrollLeft, scrollTop, scrollWidth, scrollHeight } = element
    return { left: scrollLeft, top: scrollTop, width: scrollWidth, height: scrollHeight }
  }
  const area = pageArea()
  const { left, top, width, height } = element.getBoundingClientRect()
  return { left: left - area.left, top: top - area.top, width, height }
}

/** In a template a value that is not there leaves the attribute out; glass-easel would write it empty, which means true. */
function updateAttribute(this: glassEasel.Element, name: string, value: unknown): void {
  if (value === undefined || value === null) this.removeAttribute(name)
  else this.setAttribute(name, value)
}

glassEasel.globalOptions.writeIdToDOM = true
glassEasel.Element.prototype.updateAttribute = updateAttribute
glassEasel.Element.prototype.getBoundingClientRect = getBoundingClientRect

/** Warnings that are no fault of the program: counts as lists, attributes that a builtin does not know, and whatever a package does. */
function isIdle(message: string, owner: string, tag: string): boolean {
  if (/^Use number as for-list/.test(message)) return true
  if (/is not a valid property/.test(message) && builtinTags.has(tag)) return true
  return owner.startsWith('miniprogram_npm/') || /"miniprogram_npm\//.test(message)
}

glassEasel.addGlobalWarningListener((message, component, element) => {
  const owner = typeof component === 'string' ? component : component.is
  const tag = (element as { is?: string } | undefined)?.is ?? ''
  // a visitor of the finished page has no use for them
  return process.env.NODE_ENV === 'production' || isIdle(message, owner, tag) ? false : undefined
})
