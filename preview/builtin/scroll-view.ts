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
  scrollTo(part, {
    top: element.scrollTop + to.top - from.top,
    left: element.scrollLeft + to.left - from.left,
  })
}

/** Tells scroll, and the nearing of an end once each time it is neared. */
function listen(part: Part): void {
  const element = elementOf(part)
  let [top, left] = [0, 0]
  let [atStart, atEnd] = [true, false]
  element.addEventListener('scroll', () => {
    const { scrollTop, scrollLeft, scrollHeight, scrollWidth, clientHeight, clientWidth } = element
    part.triggerEvent('scroll', {
      scrollTop,
      scrollLeft,
      scrollHeight,
      scrollWidth,
      deltaX: left - scrollLeft,
      deltaY: top - scrollTop,
    })
    const sideways = part.data.scrollX && !part.data.scrollY
    const before = sideways ? scrollLeft : scrollTop
    const after = sideways ? scrollWidth - clientWidth - scrollLeft : scrollHeight - clientHeight - scrollTop
    const start = before <= Number(part.data.upperThreshold)
    const end = after <= Number(part.data.lowerThreshold)
    if (start && !atStart) part.triggerEvent('scrolltoupper', { direction: sideways ? 'left' : 'top' })
    if (end && !atEnd) part.triggerEvent('scrolltolower', { direction: sideways ? 'right' : 'bottom' })
    ;[top, left, atStart, atEnd] = [scrollTop, scrollLeft, start, end]
  })
}

builtin({
  properties: {
    scrollX: Boolean,
    scrollY: Boolean,
    scrollTop: null,
    scrollLeft: null,
    scrollIntoView: String,
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
