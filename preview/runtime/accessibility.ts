/** WeChat's aria-* attributes as the browser's: roles that can be acted on get a tab stop, and Enter or Space is a tap. */
import { afterLayout } from './lifecycle'
import { watchModals } from './modal'

const ACTED_ON = new Set(['button', 'link', 'tab', 'switch', 'checkbox', 'radio', 'option', 'menuitem'])

/** States that a role must always tell, with the value they have when the program says nothing. */
const REQUIRED: Record<string, [string, string]> = {
  switch: ['aria-checked', 'false'],
  checkbox: ['aria-checked', 'false'],
  radio: ['aria-checked', 'false'],
  tab: ['aria-selected', 'false'],
  option: ['aria-selected', 'false'],
}

const put = (element: Element, name: string, value: string) =>
  Element.prototype.setAttribute.call(element, name, value)
const drop = (element: Element, name: string) => Element.prototype.removeAttribute.call(element, name)

export function setAria(element: HTMLElement, name: string, value: string): void {
  if (name === 'aria-role') return setRole(element, value)
  if (value === '' && name === 'aria-label') return drop(element, name)
  if (REFERENCES.has(name)) return afterLayout(() => refer(element, name, value))
  put(element, name, value || 'true')
  AFTER[name]?.(element)
}

/** Attributes that name other elements by their ids. */
const REFERENCES = new Set(['aria-controls', 'aria-labelledby', 'aria-describedby', 'aria-owns'])

/** The author's ids carry the prefix of their component in the document; a name of nothing is worse than none. */
function refer(element: HTMLElement, name: string, value: string): void {
  const page = element.closest('wx-page')
  const ids = value
    .split(/\s+/)
    .flatMap((id) => page?.querySelector(`[data-id="${CSS.escape(id)}"]`)?.id ?? [])
  if (ids.length) put(element, name, ids.join(' '))
  else drop(element, name)
}

/** What follows from an attribute. */
const AFTER: Record<string, (element: HTMLElement) => void> = {
  'aria-disabled': tabStop,
  'aria-modal': watchModals,
}

/** glass-easel removes an attribute whose value is false: for a state that is an answer. */
export function unsetAria(element: HTMLElement, name: string): void {
  if (name === 'aria-role') return setRole(element, '')
  const required = REQUIRED[element.getAttribute('role') ?? '']
  if (required?.[0] === name) put(element, name, 'false')
  else drop(element, name)
  if (name === 'aria-disabled') tabStop(element)
}

function setRole(element: HTMLElement, role: string): void {
  if (role) put(element, 'role', role)
  else drop(element, 'role')
  const required = REQUIRED[role]
  if (required && !element.hasAttribute(required[0])) put(element, ...required)
  tabStop(element)
}

/** The tab stop that the role gives, whatever the program's own tabindex was. */
export function tabStop(element: HTMLElement): void {
  const acted = ACTED_ON.has(element.getAttribute('role') ?? '')
  if (acted && element.getAttribute('aria-disabled') !== 'true') put(element, 'tabindex', '0')
  else drop(element, 'tabindex')
}

/** Elements that a key or an assistive technology may tap. */
export function actedOn(target: EventTarget | null): HTMLElement | null {
  if (!(target instanceof HTMLElement)) return null
  return target.hasAttribute('tabindex') && ACTED_ON.has(target.getAttribute('role') ?? '') ? target : null
}
