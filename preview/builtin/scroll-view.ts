/** <scroll-view>: an area that scrolls by itself and tells when it nears an end. */
import { domOf } from '../runtime/easel'
import { builtin, elementOf, type Part } from './part'

function lay(part: Part): void {
  const { scrollX, scrollY, enableFlex, showScrollbar } = part.data
  const element = elementOf(part)
  element.style.overflowX = scrollX ? 'auto' : 'hidden'
  element.style.overflowY = scrollY ? 'auto' : 'hidden'
  element.style.display = enableFlex ? 'flex' : ''
  element.classList.toggle('mp-bare', showScrollbar === false)
  if (scrollX || scrollY) element.tabIndex = 0
}

function scrollTo(part: Part, place: ScrollToOptions): void {
  elementOf(part).scrollTo?.({ ...place, behavior: part.data.scrollWithAnimation ? 'smooth' : 'auto' })
}

function into(part: Part, id: string): void {
  const target = domOf(part._$.ownerShadowRoot?.getElementById(id))
  const element = elementOf(part)
  if (!target) return
  const [from, to] = [element.getBoundingClientRect(), target.getBoundingClientRect()]
  const { scrollX, scrollY, scrollIntoViewOffset: offset } = part.data
  scrollTo(part, {
    top: element.scrollTop + (scrollY ? to.top - from.top + offset : 0),
    left: element.scrollLeft + (scrollX ? to.left - from.left + offset : 0),
  })
}

/** Distances from both ends, along the way that the area scrolls. */
function endsOf({ data }: Part, element: HTMLElement): { before: number; after: number; sideways: boolean } {
  const sideways = data.scrollX && !data.scrollY
  const { scrollTop, scrollLeft, scrollHeight, scrollWidth, clientHeight, clientWidth } = element
  if (sideways) return { before: scrollLeft, after: scrollWidth - clientWidth - scrollLeft, sideways }
  return { before: scrollTop, after: scrollHeight - clientHeight - scrollTop, sideways }
}

/** Tells the nearing of an end once each time it is neared. */
function tellEnds(part: Part, element: HTMLElement, was: { start: boolean; end: boolean }): void {
  const { before, after, sideways } = endsOf(part, element)
  const start = before <= Number(part.data.upperThreshold)
  const end = after <= Number(part.data.lowerThreshold)
  if (start && !was.start) part.triggerEvent('scrolltoupper', { direction: sideways ? 'left' : 'top' })
  if (end && !was.end) part.triggerEvent('scrolltolower', { direction: sideways ? 'right' : 'bottom' })
  Object.assign(was, { start, end })
}

function listen(part: Part): void {
  const element = elementOf(part)
  const was = { start: true, end: false }
  let [top, left] = [0, 0]
  element.addEventListener('scroll', () => {
    const { scrollTop, scrollLeft, scrollHeight, scrollWidth } = element
    const [deltaX, deltaY] = [left - scrollLeft, top - scrollTop]
    ;[top, left] = [scrollTop, scrollLeft]
    part.triggerEvent('scroll', { scrollTop, scrollLeft, scrollHeight, scrollWidth, deltaX, deltaY })
    tellEnds(part, element, was)
  })
}

builtin({
  properties: {
    scrollX: Boolean,
    scrollY: Boolean,
    scrollTop: null,
    scrollLeft: null,
    scrollIntoView: String,
    scrollIntoViewOffset: { type: Number, value: 0 },
    scrollWithAnimation: Boolean,
    enableFlex: Boolean,
    upperThreshold: { type: null, value: 50 },
    lowerThreshold: { type: null, value: 50 },
    enhanced: Boolean,
    showScrollbar: { type: Boolean, value: true },
    enablePassive: null,
    type: String,
    bounces: Boolean,
    scrollAnchoring: Boolean,
    enableBackToTop: Boolean,
    refresherEnabled: Boolean,
    refresherTriggered: Boolean,
  },
  observers: {
    'scrollX, scrollY, enableFlex, showScrollbar'(this: Part) {
      lay(this)
    },
    scrollTop(this: Part, top: unknown) {
      if (top !== null && top !== '')
        requestAnimationFrame(() => scrollTo(this, { top: parseFloat(String(top)) }))
    },
    scrollLeft(this: Part, left: unknown) {
      if (left !== null && left !== '')
        requestAnimationFrame(() => scrollTo(this, { left: parseFloat(String(left)) }))
    },
    scrollIntoView(this: Part, id: string) {
      if (id) requestAnimationFrame(() => into(this, id))
    },
  },
  lifetimes: {
    attached(this: Part) {
      lay(this)
      listen(this)
    },
  },
})
