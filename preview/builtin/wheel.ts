/** A wheel of choices: turned by finger, mouse wheel or arrow keys; what stands in the middle is chosen. */
import { h } from '../runtime/overlay'

const ITEM_PX = 44

export interface Wheel {
  element: HTMLElement
  chosen(): number
  /** fills the wheel and turns it to `at` */
  fill(items: string[], at: number): void
}

const STEPS: Record<string, number> = { ArrowUp: -1, ArrowDown: 1, PageUp: -5, PageDown: 5 }

/** Turns the wheel by key or tap. */
function obey(element: HTMLElement, at: () => number, turnTo: (index: number) => void): void {
  element.addEventListener('keydown', (e) => {
    if (!STEPS[e.key]) return
    e.preventDefault()
    turnTo(at() + STEPS[e.key])
  })
  element.addEventListener('click', (e) => {
    const index = Array.from(element.children).indexOf(e.target as Element)
    if (index >= 0) turnTo(index)
  })
}

export function wheel(label: string, onTurn: () => void): Wheel {
  const element = h('div', { class: 'mp-wheel', role: 'listbox', 'aria-label': label, tabindex: '0' })
  let at = 0
  const select = (index: number) => {
    at = Math.max(0, Math.min(index, element.children.length - 1))
    Array.from(element.children).forEach((item, i) => item.setAttribute('aria-selected', String(i === at)))
  }
  const turnTo = (index: number) => {
    select(index)
    element.scrollTop = at * ITEM_PX
    onTurn()
  }
  obey(element, () => at, turnTo)
  element.addEventListener('scroll', () => {
    const middle = Math.round(element.scrollTop / ITEM_PX)
    if (middle === at) return
    select(middle)
    onTurn()
  })
  const fill = (items: string[], index: number) => {
    const drawn = items.map((text) => h('div', { class: 'mp-wheel-item', role: 'option' }, text))
    element.replaceChildren(...drawn)
    select(index)
    requestAnimationFrame(() => {
      element.scrollTop = at * ITEM_PX
    })
  }
  return { element, fill, chosen: () => at }
}
