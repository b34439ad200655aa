// One of a few, all of them seen at once. Says `change` with the value.
export interface Option {
  value: string
  text: string
}

Component({
  properties: {
    options: { type: Array, value: [] as Option[] },
    value: { type: String, value: '' },
  },
  methods: {
    onChange({ detail }: WechatMiniprogram.CustomEvent<{ value: string }>) {
      this.triggerEvent('change', { value: detail.value })
    },
  },
})
