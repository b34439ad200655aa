/** <slider>: the browser's range field. */
import { builtin, fieldOf, innerOf, setOwn, type Part } from './part'

builtin(
  {
    properties: {
      min: { type: Number, value: 0 },
      max: { type: Number, value: 100 },
      step: { type: Number, value: 1 },
      disabled: Boolean,
      value: { type: Number, value: 0 },
      showValue: Boolean,
      activeColor: { type: String, value: '#1aad19' },
      backgroundColor: String,
      blockSize: Number,
      blockColor: String,
      name: String,
    },
    observers: {
      // the browser keeps a value within its limits: they come first
      'min, max, step, value'(this: Part) {
        this.place()
      },
    },
    lifetimes: {
      attached(this: Part) {
        this.place()
      },
    },
    methods: {
      formValue(this: Part) {
        return this.data.value
      },
      formReset(this: Part) {
        setOwn(this, 'value', this.data.min)
      },
      place(this: Part) {
        const field = innerOf<HTMLInputElement>(this)
        if (field) field.value = String(this.data.value)
      },
      moving(this: Part, event: unknown) {
        const value = Number(fieldOf(event).value)
        setOwn(this, 'value', value)
        this.triggerEvent('changing', { value })
      },
      moved(this: Part, event: unknown) {
        this.triggerEvent('change', { value: Number(fieldOf(event).value) })
      },
    },
  },
  { told: innerOf },
)
