Component({
  properties: { value: { type: Number, value: 1 }, least: { type: Number, value: 1 } },
  methods: {
    less() {
      this.change(this.data.value - 1)
    },
    more() {
      this.change(this.data.value + 1)
    },
    change(value: number) {
      if (value >= this.data.least) this.triggerEvent('change', { value })
    },
  },
})
