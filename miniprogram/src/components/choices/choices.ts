// One of a few, all of them seen at once. Says `change` with the value.
export interface Option {
  value: string
  text: string
}

Component({
  properties: {
    options: { type: Array, value: [] as Option[] },
    value: { type: String, value: '' },
    label: { type: String, value: '' },
  },
  methods: {
    onChoose({ currentTarget }: WechatMiniprogram.TouchEvent) {
      const value = currentTarget.dataset.value as string
      if (value !== this.data.value) this.triggerEvent('change', { value })
    },
  },
})
