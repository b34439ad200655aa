/** <checkbox> */
import { beChoice, choiceObservers, choiceProperties, setChecked, tellGroup } from './choice'
import { builtin, type Part } from './part'

builtin({
  properties: { ...choiceProperties, value: String },
  observers: choiceObservers,
  lifetimes: {
    attached(this: Part) {
      beChoice(this, 'checkbox')
    },
  },
  methods: {
    activate(this: Part) {
      if (this.data.disabled) return
      setChecked(this, !this.data.checked)
      tellGroup(this)
    },
  },
})
