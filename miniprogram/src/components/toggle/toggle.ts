// A switch, on or off. Says `change` with `on`.
Component({
  properties: { on: { type: Boolean, value: false }, label: { type: String, value: '' } },
  methods: {
    onTap() {
      this.triggerEvent('change', { on: !this.data.on })
    },
  },
})
