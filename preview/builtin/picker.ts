/** <picker>: a sheet of wheels for one or several choices, a date or a time. */
import { button, h, openDialog } from '../runtime/overlay'
import { columnsOf, type Columns } from './columns'
import { builtin, defaultRole, elementOf, onOwn, setOwn, type Part } from './part'
import { wheel, type Wheel } from './wheel'

/** Wheels that keep each other right: a shorter month cuts the days. */
function wheelsOf(part: Part, columns: Columns): Wheel[] {
  let chosen = columns.start()
  const turned = (column: number) => {
    chosen = wheels.map((one) => one.chosen())
    part.triggerEvent('columnchange', { column, value: chosen[column] })
    columns.lists(chosen).forEach((list, index) => {
      const same = wheels[index].element.children.length === list.length
      if (index > column && !same) wheels[index].fill(list, Math.min(chosen[index], list.length - 1))
    })
  }
  const wheels = columns.labels.map((label, column) => wheel(label, () => turned(column)))
  columns.lists(chosen).forEach((list, index) => wheels[index].fill(list, Math.max(0, chosen[index])))
  return wheels
}

function open(part: Part): void {
  const columns = columnsOf(part.data)
  if (!columns) return console.warn(`<picker mode="${part.data.mode}"> is not in the preview`)
  const wheels = wheelsOf(part, columns)
  const cancel = () => {
    close()
    part.triggerEvent('cancel', {})
  }
  const confirm = () => {
    const value = columns.value(wheels.map((one) => one.chosen()))
    close()
    setOwn(part, 'value', value)
    part.triggerEvent('change', { value })
  }
  const title = part.data.headerText || elementOf(part).getAttribute('aria-label') || '请选择'
  const deeds = h(
    'div',
    { class: 'mp-picker-deeds' },
    button('取消', '', cancel),
    h('span', {}, title),
    button('确定', 'mp-modal-confirm', confirm),
  )
  const box = h(
    'div',
    { 'aria-label': title },
    deeds,
    h('div', { class: 'mp-wheels' }, ...wheels.map((one) => one.element)),
  )
  wheels[0]?.element.setAttribute('data-first', '')
  const close = openDialog(box, cancel, 'mp-picker')
}

builtin({
  properties: {
    mode: { type: String, value: 'selector' },
    range: { type: null, value: [] },
    rangeKey: String,
    value: null,
    start: String,
    end: String,
    fields: { type: String, value: 'day' },
    disabled: Boolean,
    headerText: String,
    name: String,
  },
  observers: {
    disabled(this: Part, disabled: boolean) {
      elementOf(this).setAttribute('aria-disabled', String(disabled))
    },
  },
  lifetimes: {
    attached(this: Part) {
      defaultRole(this, 'button')
      elementOf(this).setAttribute('aria-haspopup', 'dialog')
      onOwn(this, 'tap', () => this.activate())
    },
  },
  methods: {
    formValue(this: Part) {
      return this.data.value
    },
    formReset(this: Part) {
      setOwn(this, 'value', null)
    },
    activate(this: Part) {
      if (!this.data.disabled) open(this)
    },
  },
})
