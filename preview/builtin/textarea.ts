/** <textarea>, which may grow with its text. */
import { fieldClasses, fieldMethods, fieldObservers, fieldProperties, inputOf } from './field'
import { builtin, elementOf, fieldOf, type Part } from './part'

builtin(
  {
    properties: {
      ...fieldProperties,
      confirmType: { type: String, value: 'return' },
      autoHeight: Boolean,
      fixed: Boolean,
      showConfirmBar: Boolean,
      disableDefaultPadding: Boolean,
    },
    externalClasses: fieldClasses,
    data: { limit: 140 },
    observers: fieldObservers,
    lifetimes: {
      attached(this: Part) {
        inputOf<HTMLTextAreaElement>(this).value = this.data.value ?? ''
        requestAnimationFrame(() => this.fit())
      },
    },
    methods: {
      ...fieldMethods,
      ignored() {},
      /** the field is as high as its text when auto-height says so */
      fit(this: Part) {
        const field = inputOf<HTMLTextAreaElement>(this)
        if (!this.data.autoHeight || !field) return
        field.style.height = 'auto'
        const height = field.scrollHeight
        field.style.height = '100%'
        elementOf(this).style.height = `${height}px`
      },
      pressed(this: Part, event: unknown) {
        const { key, isComposing } = (event as { getOriginalEvent(): KeyboardEvent }).getOriginalEvent()
        if (key === 'Enter' && !isComposing && this.data.confirmType !== 'return')
          this.confirm(fieldOf(event).value)
      },
    },
  },
  { told: inputOf },
)
