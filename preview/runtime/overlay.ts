/** Dialogs and sheets over the program: the focus stays inside, Escape dismisses, and what had the focus gets it back. */
import { screen } from './screen'

type Child = Node | string

/** A plain element; attributes whose value is undefined are left out. */
export function h(
  tag: string,
  attributes: Record<string, string | undefined> = {},
  ...children: Child[]
): HTMLElement {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes))
    if (value !== undefined) element.setAttribute(name, value)
  element.append(...children)
  return element
}

export function button(text: string, className: string, press: () => void, label?: string): HTMLElement {
  const element = h('button', { type: 'button', class: className, 'aria-label': label }, text)
  element.addEventListener('click', press)
  return element
}

const FOCUSABLE = 'button:not([disabled]), input, textarea, a[href], [tabindex="0"]'

function stopsIn(box: HTMLElement): HTMLElement[] {
  const stops = Array.from(box.querySelectorAll<HTMLElement>(FOCUSABLE)).filter(
    (stop) => !stop.closest('[inert], [hidden]'),
  )
  return stops.length ? stops : [box]
}

/** Tab and Shift+Tab go round inside. */
export function keepFocus(box: HTMLElement, e: KeyboardEvent): void {
  const stops = stopsIn(box)
  const [first, last] = [stops[0], stops[stops.length - 1]]
  const at = document.activeElement
  const leaves = !box.contains(at) || (e.shiftKey ? at === first || at === box : at === last)
  if (!leaves) return
  e.preventDefault()
  ;(e.shiftKey ? last : first).focus()
}

let inert = 0

/** Everything behind a dialog is out of reach of keys and screen readers. */
function setInert(step: 1 | -1): void {
  inert += step
  for (const part of [screen.navigation, screen.pages, screen.tabs]) part.toggleAttribute('inert', inert > 0)
}

/** Shows a dialog; the returned function takes it away. */
export function openDialog(box: HTMLElement, dismiss: () => void, className = 'mp-dialog'): () => void {
  const before = document.activeElement as HTMLElement | null
  const layer = h('div', { class: `mp-mask ${className}-mask` }, box)
  box.setAttribute('role', 'dialog')
  box.setAttribute('aria-modal', 'true')
  box.tabIndex = -1
  box.classList.add(className)
  layer.addEventListener('keydown', (e) => {
    if (e.key === 'Escape') dismiss()
    if (e.key === 'Tab') keepFocus(box, e)
  })
  screen.app.append(layer)
  setInert(1)
  const wanted = box.querySelector<HTMLElement>('[data-first]') ?? box
  wanted.focus()
  return () => {
    if (!layer.isConnected) return
    layer.remove()
    setInert(-1)
    before?.focus({ preventScroll: true })
  }
}

export interface SheetItem {
  text: string
  color?: string
}

/** A list of deeds from the bottom of the screen; the number of the chosen one, or undefined when dismissed. */
export function chooseFrom(
  items: SheetItem[],
  { title, cancel = '取消' }: { title?: string; cancel?: string } = {},
) {
  return new Promise<number | undefined>((resolve) => {
    const end = (chosen?: number) => {
      close()
      resolve(chosen)
    }
    const list = items.map(({ text, color }, index) => {
      const choice = button(text, 'mp-sheet-item', () => end(index))
      if (color) choice.style.color = color
      return choice
    })
    list[0]?.setAttribute('data-first', '')
    const box = h(
      'div',
      { 'aria-label': title ?? '请选择' },
      ...list,
      button(cancel, 'mp-sheet-cancel', () => end()),
    )
    if (title) box.prepend(h('p', { class: 'mp-sheet-title' }, title))
    const close = openDialog(box, () => end(), 'mp-sheet')
    box.parentElement?.addEventListener('click', (e) => e.target === box.parentElement && end())
  })
}
