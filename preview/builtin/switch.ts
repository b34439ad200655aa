/** <switch> */
import { beChoice, choiceObservers, choiceProperties, setChecked } from './choice'
import { builtin, type Part } from './part'

builtin(
  {
    properties: { ...choiceProperties, type: { type: String, value: 'switch' }, name: String },
    observers: choiceObservers,
    lifetimes: {
      attached(this: Part) {
        beChoice(this, 'switch')
      },
    },
    methods: {
      formValue(this: Part) {
        return this.data.checked
      },
      formReset(this: Part) {
        setChecked(this, false)
      },
      activate(this: Part) {
        if (this.data.disabled) return
        setChecked(this, !this.data.checked)
        this.triggerEvent('change', { value: this.data.checked })
      },
    },
  },
  { marks: ['type'] },
)
