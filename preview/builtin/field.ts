/** What <input> and <textarea> share. */
import { elementOf, fieldOf, setOwn, type Part } from './part'

type Field = HTMLInputElement | HTMLTextAreaElement

/** The browser's own field in an element. */
export function inputOf<T extends Field = Field>(part: Part): T {
  return elementOf(part).querySelector('.field') as T
}

/** Classes of the program that a part of these elements takes. */
export const fieldClasses = ['placeholder-class']

export const fieldProperties = {
  value: { type: String, value: '' },
  placeholder: String,
  placeholderStyle: String,
  disabled: Boolean,
  maxlength: { type: Number, value: 140 },
  cursorSpacing: Number,
  focus: Boolean,
  autoFocus: Boolean,
  confirmType: { type: String, value: 'done' },
  confirmHold: Boolean,
  cursor: { type: Number, value: -1 },
  selectionStart: { type: Number, value: -1 },
  selectionEnd: { type: Number, value: -1 },
  adjustPosition: { type: Boolean, value: true },
  holdKeyboard: Boolean,
  name: String,
}

const UNLIMITED = 1_000_000

function select(part: Part): void {
  const { cursor, selectionStart, selectionEnd } = part.data
  const field = inputOf(part)
  if (selectionStart >= 0 && selectionEnd >= 0) field.setSelectionRange(selectionStart, selectionEnd)
  else if (cursor >= 0) field.setSelectionRange(cursor, cursor)
}

export const fieldObservers = {
  maxlength(this: Part, maxlength: number) {
    this.setData({ limit: maxlength < 0 ? UNLIMITED : maxlength })
  },
  value(this: Part, value: string) {
    const field = inputOf(this)
    if (field && field.value !== value) field.value = value ?? ''
    this.fit?.()
  },
  'focus, autoFocus'(this: Part, focus: boolean, autoFocus: boolean) {
    // the page is shown after its fields have been drawn
    if (focus || autoFocus) setTimeout(() => this.activate(), 50)
    else if (document.activeElement === inputOf(this)) inputOf(this).blur()
  },
}

export const fieldMethods = {
  formValue(this: Part) {
    return this.data.value
  },
  formReset(this: Part) {
    setOwn(this, 'value', '')
  },
  activate(this: Part) {
    if (this.data.disabled) return
    inputOf(this).focus({ preventScroll: false })
    select(this)
  },
  typed(this: Part, event: unknown) {
    const { value, selectionStart } = fieldOf<Field>(event)
    setOwn(this, 'value', value)
    this.triggerEvent('input', { value, cursor: selectionStart ?? value.length, keyCode: 0 })
  },
  focused(this: Part, event: unknown) {
    this.triggerEvent('focus', { value: fieldOf<Field>(event).value, height: 0 })
  },
  blurred(this: Part, event: unknown) {
    const { value, selectionStart } = fieldOf<Field>(event)
    this.triggerEvent('blur', { value, cursor: selectionStart ?? value.length })
  },
  confirm(this: Part, value: string) {
    this.triggerEvent('confirm', { value })
    if (!this.data.confirmHold) inputOf(this).blur()
  },
}
