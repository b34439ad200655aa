/** <input>: the browser's own field with WeChat's keyboards and events. */
import { fieldClasses, fieldMethods, fieldObservers, fieldProperties, inputOf } from './field'
import { builtin, fieldOf, type Part } from './part'

const KEYBOARDS: Record<string, string> = { number: 'numeric', digit: 'decimal', idcard: 'text' }

builtin(
  {
    properties: {
      ...fieldProperties,
      type: { type: String, value: 'text' },
      password: Boolean,
      alwaysEmbed: Boolean,
    },
    externalClasses: fieldClasses,
    data: { kind: 'text', keyboard: 'text', limit: 140 },
    observers: {
      ...fieldObservers,
      'type, password'(this: Part, type: string, password: boolean) {
        const secret = password || type === 'safe-password'
        this.setData({ kind: secret ? 'password' : 'text', keyboard: KEYBOARDS[type] ?? 'text' })
      },
    },
    methods: {
      ...fieldMethods,
      ignored() {},
      pressed(this: Part, event: unknown) {
        const { key, isComposing } = (event as { getOriginalEvent(): KeyboardEvent }).getOriginalEvent()
        // Enter also ends the choice of a Chinese word
        if (key === 'Enter' && !isComposing) this.confirm(fieldOf(event).value)
      },
    },
  },
  { told: inputOf },
)
