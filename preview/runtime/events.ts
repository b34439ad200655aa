/** Touches, taps, long presses and pressed states of the program, whether they come from a finger, a mouse, a key or a screen reader. */
import { glassEasel, isComponent, nodeOf, type Node } from './easel'
import { actedOn } from './accessibility'
import { pageArea } from './screen'
import type { WebBackend } from './backend'

interface Point {
  identifier: number
  clientX: number
  clientY: number
}

const LONG_PRESS_MS = 350
const MOVED_PX = 10

/** What the gesture of the moment has tapped. */
let tapped: Element | null = null

function scrolled(target: EventTarget | null): number {
  return (target as Element | null)?.closest?.('wx-page')?.scrollTop ?? 0
}

/** A touch as WeChat gives it: client* from the page area's corner, page* from the page's beginning. */
function touchOf(point: Point, target: EventTarget | null) {
  const area = pageArea()
  const clientX = point.clientX - area.left
  const clientY = point.clientY - area.top
  return {
    identifier: point.identifier,
    clientX,
    clientY,
    pageX: clientX,
    pageY: clientY + scrolled(target),
    force: 1,
  }
}

function dispatch(node: Node, type: string, detail: unknown, extra: object, original?: Event) {
  const event = new glassEasel.Event(type, detail, {
    bubbles: true,
    composed: true,
    capturePhase: true,
    originalEvent: original,
    extraFields: { ...extra },
  })
  glassEasel.Event.dispatchEvent(node, event)
  return event.getEventBubbleStatus()
}

/** A tap, or a long press, at a place of the window. */
function press(
  type: string,
  target: EventTarget | null,
  at: { x: number; y: number },
  original?: Event,
): void {
  const node = nodeOf(target)
  if (!node) return
  const touch = touchOf({ identifier: 0, clientX: at.x, clientY: at.y }, target)
  const detail = { x: touch.pageX, y: touch.pageY }
  dispatch(node, type, detail, { touches: [touch], changedTouches: [touch] }, original)
}

type TouchesOf = { touches?: Iterable<Point>; changedTouches?: Iterable<Point> }

function touchesOf(original: Event & TouchesOf): object {
  const { touches = [], changedTouches, target } = original
  const points = (list: Iterable<Point>) => Array.from(list, (point) => touchOf(point, target))
  return changedTouches ? { touches: points(touches), changedTouches: points(changedTouches) } : {}
}

function listenToBackend(backend: WebBackend): void {
  backend.onEvent((target, type, detail, options) => {
    const original = options.originalEvent as Event
    if (type === 'tap' || type === 'canceltap') {
      tapped = original.target as Element
      press(type, tapped, detail as { x: number; y: number }, original)
      return 0
    }
    // <scroll-view> tells its own scroll, with its numbers
    if (type === 'scroll' && isComponent(target)) return 0
    const event = new glassEasel.Event(type, type.startsWith('touch') ? {} : detail, {
      ...options,
      extraFields: { ...touchesOf(original) },
    })
    glassEasel.Event.dispatchEvent(target, event)
    return event.getEventBubbleStatus()
  })
}

/** Lets a mouse do what a finger does. A plain Event carries the points: not every browser lets a page make a TouchEvent. */
function mouseAsFinger(): void {
  let held: EventTarget | null = null
  const send = (type: string, e: PointerEvent) => {
    const point: Point = { identifier: 1, clientX: e.clientX, clientY: e.clientY }
    const event = new Event(type, { bubbles: true, cancelable: true, composed: true })
    const touches = type === 'touchend' ? [] : [point]
    held?.dispatchEvent(Object.assign(event, { touches, targetTouches: touches, changedTouches: [point] }))
  }
  const onMouse = (type: string, handle: (e: PointerEvent) => void) =>
    addEventListener(
      type,
      (e) => (e as PointerEvent).pointerType === 'mouse' && handle(e as PointerEvent),
      true,
    )
  onMouse('pointerdown', (e) => {
    if (e.button !== 0) return
    held = e.target
    send('touchstart', e)
  })
  onMouse('pointermove', (e) => send('touchmove', e))
  onMouse('pointerup', (e) => {
    send('touchend', e)
    held = null
  })
}

/** Enter and Space tap what has the focus; so does a click that no finger or mouse made (screen readers send it alone). */
function keysAndReaders(): void {
  const tapMiddle = (target: EventTarget | null, original: Event): void => {
    const element = actedOn(target)
    if (!element) return
    original.preventDefault()
    const { left, top, width, height } = element.getBoundingClientRect()
    press('tap', element, { x: left + width / 2, y: top + height / 2 }, original)
  }
  addEventListener('keydown', (e) => {
    if ((e.key === 'Enter' || e.key === ' ') && !e.repeat) tapMiddle(e.target, e)
  })
  addEventListener('click', (e) => {
    if (e.detail === 0) tapMiddle((e.target as Element).closest('[tabindex]'), e)
  })
}

/**
 * A browser sends a click after the touch that was a tap. What the tap has put under the finger since then (a dialog,
 * the tab bar) must not take it for an answer.
 */
function swallowLateClicks(): void {
  addEventListener('pointerdown', () => (tapped = null), true)
  addEventListener(
    'click',
    (e) => {
      const target = e.target as globalThis.Node
      if (!tapped || e.detail === 0 || tapped.contains(target) || target.contains(tapped)) return
      e.stopImmediatePropagation()
      e.preventDefault()
    },
    true,
  )
}

function first(e: Event): Point | undefined {
  return (e as TouchEvent).changedTouches?.[0] as Point | undefined
}

/** Calls back while one finger rests: `held` when it comes down, `left` when it goes or moves away. */
function onRest(held: (target: Element, at: Point) => void, left: () => void): void {
  let start: Point | undefined
  addEventListener(
    'touchstart',
    (e) => {
      start = first(e)
      if (start) held(e.target as Element, start)
    },
    { capture: true, passive: true },
  )
  addEventListener(
    'touchmove',
    (e) => {
      const at = first(e)
      if (at && start && Math.hypot(at.clientX - start.clientX, at.clientY - start.clientY) > MOVED_PX) left()
    },
    { capture: true, passive: true },
  )
  for (const end of ['touchend', 'touchcancel']) addEventListener(end, left, { capture: true, passive: true })
}

function longPress(): void {
  let timer = 0
  onRest(
    (target, at) => {
      clearTimeout(timer)
      timer = window.setTimeout(() => {
        press('longpress', target, { x: at.clientX, y: at.clientY })
        press('longtap', target, { x: at.clientX, y: at.clientY })
      }, LONG_PRESS_MS)
    },
    () => clearTimeout(timer),
  )
}

/** hover-class: the pressed look of a view, button or navigator. */
function pressedLook(): void {
  let release = () => {}
  onRest(
    (target) => {
      release()
      const element = target.closest<HTMLElement>('[data-hover-class]')
      const name = element?.dataset.hoverClass
      if (!element || !name || name === 'none') return
      const classes = (nodeOf(element) as { classList?: { toggle(name: string, on: boolean): void } } | null)
        ?.classList
      const timer = setTimeout(
        () => classes?.toggle(name, true),
        Number(element.dataset.hoverStartTime ?? 50),
      )
      release = () => {
        clearTimeout(timer)
        setTimeout(() => classes?.toggle(name, false), Number(element.dataset.hoverStayTime ?? 400))
        release = () => {}
      }
    },
    () => release(),
  )
}

export function listen(backend: WebBackend): void {
  swallowLateClicks()
  listenToBackend(backend)
  mouseAsFinger()
  keysAndReaders()
  longPress()
  pressedLook()
}
