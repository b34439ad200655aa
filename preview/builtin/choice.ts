/** What <checkbox>, <radio> and <switch> share: a role with a state, toggled by a tap. */
import { defaultRole, elementOf, onOwn, setOwn, type Part } from './part'

export const choiceProperties = { checked: Boolean, disabled: Boolean, color: String }

export const choiceObservers = {
  checked(this: Part, checked: boolean) {
    elementOf(this).setAttribute('aria-checked', String(checked))
  },
  disabled(this: Part, disabled: boolean) {
    elementOf(this).setAttribute('aria-disabled', String(disabled))
  },
  color(this: Part, color: string) {
    if (color) elementOf(this).style.setProperty('--mp-choice', color)
  },
}

export function beChoice(part: Part, role: string): void {
  defaultRole(part, role)
  elementOf(part).setAttribute('aria-checked', String(part.data.checked))
  onOwn(part, 'tap', () => part.activate())
}

/** The group that a choice belongs to hears of it, then tells its own change. */
export function tellGroup(part: Part): void {
  part.triggerEvent('choicechange', {}, { bubbles: true, composed: true })
}

export function setChecked(part: Part, checked: boolean): void {
  if (part.data.checked !== checked) setOwn(part, 'checked', checked)
}
