// A switch, on or off. Says `change` with `on`. Our own: TDesign's has no accessible name and does not grow.
Component({
  properties: { on: { type: Boolean, value: false }, label: { type: String, value: '' } },
  methods: {
    onTap() {
      this.triggerEvent('change', { on: !this.data.on })
    },
  },
})
