/** <radio> */
import { beChoice, choiceObservers, choiceProperties, setChecked, tellGroup } from './choice'
import { builtin, type Part } from './part'

builtin({
  properties: { ...choiceProperties, value: String },
  observers: choiceObservers,
  lifetimes: {
    attached(this: Part) {
      beChoice(this, 'radio')
    },
  },
  methods: {
    activate(this: Part) {
      if (this.data.disabled || this.data.checked) return
      setChecked(this, true)
      tellGroup(this)
    },
  },
})
