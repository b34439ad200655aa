/** <picker-view>: wheels in the page; their columns report to it. */
import { builtin, elementOf, onOwn, type Part } from './part'

function columnsOf(part: Part): HTMLElement[] {
  return Array.from(elementOf(part).querySelectorAll<HTMLElement>('wx-picker-view-column > .wheel'))
}

/** Items are as high as the indicator that the program styles. */
function itemPx({ indicatorStyle }: Part['data']): number {
  return Number(/height:\s*([\d.]+)px/.exec(indicatorStyle)?.[1]) || 34
}

function turn(part: Part): void {
  const height = itemPx(part.data)
  elementOf(part).style.setProperty('--mp-item', `${height}px`)
  columnsOf(part).forEach((column, index) => {
    column.scrollTop = (part.data.value?.[index] ?? 0) * height
  })
}

builtin({
  properties: {
    value: { type: Array, value: [] as number[] },
    indicatorStyle: String,
    indicatorClass: String,
    maskStyle: String,
    maskClass: String,
    immediateChange: Boolean,
  },
  observers: {
    'value, indicatorStyle'(this: Part) {
      requestAnimationFrame(() => turn(this))
    },
  },
  lifetimes: {
    attached(this: Part) {
      onOwn(this, 'columnturn', (event) => {
        event.stopPropagation()
        const height = itemPx(this.data)
        const value = columnsOf(this).map((column) => Math.round(column.scrollTop / height))
        if (value.join() !== (this.data.value ?? []).join()) this.triggerEvent('change', { value })
      })
    },
  },
})
