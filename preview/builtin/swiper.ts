/** <swiper>: leaves turned by a finger, a mouse, the arrow keys or time. */
import { builtin, elementOf, setOwn, type Part } from './part'

/** Part of its size that a leaf has to be pulled to turn. */
const FAR = 0.25

type Point = { clientX: number; clientY: number }

function leavesOf(part: Part): HTMLElement[] {
  return Array.from(elementOf(part).querySelectorAll<HTMLElement>('wx-swiper-item')).filter(
    (leaf) => leaf.closest('wx-swiper') === elementOf(part),
  )
}

/** Puts the current leaf in sight, `pulled` px from its place. */
function place(part: Part, pulled = 0, animated = true): void {
  const { current, vertical, duration, displayMultipleItems: several } = part.data
  const share = 100 / Math.max(1, several)
  const away = `calc(${-current * share}% + ${pulled}px)`
  const [direction, shift] = vertical ? ['column', `0, ${away}`] : ['row', `${away}, 0`]
  const time = animated ? duration : 0
  part.setData({
    track: `flex-direction:${direction};transition:transform ${time}ms;transform:translate(${shift})`,
  })
  for (const leaf of leavesOf(part)) leaf.style.flexBasis = `${share}%`
}

function markHidden(part: Part): void {
  const { current, displayMultipleItems: several } = part.data
  leavesOf(part).forEach((leaf, index) =>
    leaf.toggleAttribute('inert', index < current || index >= current + several),
  )
}

function turn(part: Part, to: number, source: '' | 'autoplay' | 'touch'): void {
  const last = Math.max(0, leavesOf(part).length - part.data.displayMultipleItems)
  const wrapped = to < 0 ? last : 0
  const current =
    to >= 0 && to <= last ? to : part.data.circular || source === 'autoplay' ? wrapped : part.data.current
  if (current === part.data.current) return place(part)
  setOwn(part, 'current', current)
  part.triggerEvent('change', { current, source, currentItemId: '' })
}

/** How far the finger has pulled along the swiper; 0 while it goes across. */
function pull({ data }: Part, from: Point, to: Point, pulled: number): number {
  const [x, y] = [to.clientX - from.clientX, to.clientY - from.clientY]
  const [along, across] = data.vertical ? [y, x] : [x, y]
  return pulled === 0 && Math.abs(across) > Math.abs(along) ? 0 : along
}

function follow(part: Part): void {
  const element = elementOf(part)
  const point = (e: Event): Point => (e as TouchEvent).changedTouches[0]
  let start: Point | undefined
  let pulled = 0
  const hold = (e: Event) => {
    start = point(e)
    pulled = 0
    part.held = true
  }
  const move = (e: Event) => {
    if (start) pulled = pull(part, start, point(e), pulled)
    if (!start || pulled === 0) return
    if (e.cancelable) e.preventDefault()
    place(part, pulled, false)
  }
  const leave = () => {
    const size = part.data.vertical ? element.clientHeight : element.clientWidth
    const step = Math.abs(pulled) > size * FAR ? -Math.sign(pulled) : 0
    if (start && pulled !== 0) turn(part, part.data.current + step, 'touch')
    start = undefined
    part.held = false
  }
  element.addEventListener('touchstart', hold, { passive: true })
  element.addEventListener('touchmove', move, { passive: false })
  for (const end of ['touchend', 'touchcancel']) element.addEventListener(end, leave)
}

const STEPS: Record<string, number> = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }

function obeyKeys(part: Part): void {
  const element = elementOf(part)
  element.tabIndex = 0
  element.addEventListener('keydown', ({ key, target }) => {
    if (target === element && STEPS[key]) turn(part, part.data.current + STEPS[key], 'touch')
  })
}

/** Moves by itself, but not under a finger, nor for those who asked their system for less motion. */
function play(part: Part): void {
  clearInterval(part.timer)
  if (!part.data.autoplay || matchMedia('(prefers-reduced-motion: reduce)').matches) return
  part.timer = setInterval(
    () => !part.held && turn(part, part.data.current + 1, 'autoplay'),
    part.data.interval,
  )
}

function settle(part: Part): void {
  part.setData({ leaves: leavesOf(part).map((_, index) => index) })
  place(part)
  markHidden(part)
}

builtin({
  properties: {
    current: { type: Number, value: 0 },
    autoplay: Boolean,
    interval: { type: Number, value: 5000 },
    duration: { type: Number, value: 500 },
    circular: Boolean,
    vertical: Boolean,
    indicatorDots: Boolean,
    indicatorColor: { type: String, value: 'rgba(0, 0, 0, .3)' },
    indicatorActiveColor: { type: String, value: '#000000' },
    displayMultipleItems: { type: Number, value: 1 },
    previousMargin: String,
    nextMargin: String,
    easingFunction: String,
    snapToEdge: Boolean,
  },
  data: { track: '', leaves: [] as number[] },
  observers: {
    'current, vertical, duration, displayMultipleItems'(this: Part) {
      settle(this)
    },
    'autoplay, interval'(this: Part) {
      play(this)
    },
  },
  lifetimes: {
    attached(this: Part) {
      follow(this)
      obeyKeys(this)
      play(this)
      // leaves come and go by wx:for
      this.watcher = new MutationObserver(() => settle(this))
      this.watcher.observe(elementOf(this).firstElementChild, { childList: true })
      settle(this)
    },
    detached(this: Part) {
      clearInterval(this.timer)
      this.watcher?.disconnect()
    },
  },
})
