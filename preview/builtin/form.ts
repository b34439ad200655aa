/** <form>: gathers the named fields below it when a button submits. */
import { builtin, controlsIn, onOwn, type Part } from './part'

builtin({
  properties: { reportSubmit: Boolean, reportSubmitTimeout: Number },
  lifetimes: {
    attached(this: Part) {
      onOwn(this, 'formsubmit', (event) => {
        event.stopPropagation()
        this.triggerEvent('submit', { value: this.values() })
      })
      onOwn(this, 'formreset', (event) => {
        event.stopPropagation()
        for (const control of controlsIn(this._$, 'formValue')) control.formReset()
        this.triggerEvent('reset', {})
      })
    },
  },
  methods: {
    values(this: Part) {
      const named = Array.from(controlsIn(this._$, 'formValue')).filter((control) => control.data.name)
      return Object.fromEntries(named.map((control) => [control.data.name, control.formValue()]))
    },
  },
})
