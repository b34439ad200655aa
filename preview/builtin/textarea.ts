/** <textarea>, which may grow with its text. */
import { fieldMethods, fieldObservers, fieldProperties } from './field'
import { builtin, elementOf, fieldOf, innerOf, type Part } from './part'

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
    data: { limit: 140 },
    observers: fieldObservers,
    lifetimes: {
      attached(this: Part) {
        innerOf<HTMLTextAreaElement>(this).value = this.data.value ?? ''
        requestAnimationFrame(() => this.fit())
      },
    },
    methods: {
      ...fieldMethods,
      ignored() {},
      /** the field is as high as its text when auto-height says so */
      fit(this: Part) {
        const field = innerOf<HTMLTextAreaElement>(this)
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
  { told: innerOf },
)
