/** <page-meta>: style, background and scroll of the page around it. */
import { cssLengths } from '../runtime/units'
import { builtin, elementOf, type Part } from './part'

function pageOf(part: Part): HTMLElement | null {
  return elementOf(part).closest<HTMLElement>('wx-page')
}

function dress(part: Part): void {
  const { pageStyle, backgroundColor, rootFontSize } = part.data
  const page = pageOf(part)
  if (!page) return
  page.setAttribute('style', cssLengths(pageStyle ?? ''))
  if (backgroundColor) page.style.backgroundColor = backgroundColor
  if (rootFontSize) page.style.fontSize = rootFontSize
}

builtin({
  properties: {
    pageStyle: String,
    backgroundColor: String,
    backgroundTextStyle: String,
    rootFontSize: String,
    pageFontSize: String,
    scrollTop: null,
    scrollDuration: { type: Number, value: 300 },
  },
  observers: {
    'pageStyle, backgroundColor, rootFontSize'(this: Part) {
      dress(this)
    },
    scrollTop(this: Part, top: unknown) {
      if (top !== null && top !== '')
        pageOf(this)?.scrollTo({ top: parseFloat(String(top)), behavior: 'smooth' })
    },
  },
  lifetimes: {
    attached(this: Part) {
      // the page itself is put into the document after its children
      queueMicrotask(() => dress(this))
    },
  },
})
