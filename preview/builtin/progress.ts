/** <progress> */
import { builtin, elementOf, type Part } from './part'

builtin({
  properties: {
    percent: { type: Number, value: 0 },
    showInfo: Boolean,
    strokeWidth: { type: Number, value: 6 },
    color: { type: String, value: '#09bb07' },
    activeColor: String,
    backgroundColor: { type: String, value: '#ebebeb' },
    active: Boolean,
  },
  observers: {
    percent(this: Part, percent: number) {
      elementOf(this).setAttribute('aria-valuenow', String(percent))
    },
  },
  lifetimes: {
    attached(this: Part) {
      const element = elementOf(this)
      element.setAttribute('role', 'progressbar')
      element.setAttribute('aria-valuemin', '0')
      element.setAttribute('aria-valuemax', '100')
      element.setAttribute('aria-valuenow', String(this.data.percent))
      if (this.data.ariaLabel === null) element.setAttribute('aria-label', '进度')
    },
  },
})
