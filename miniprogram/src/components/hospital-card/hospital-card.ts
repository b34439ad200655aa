// A hospital in a list: name, level and kind, address, how far.
Component({
  properties: {
    name: { type: String, value: '' },
    note: { type: String, value: '' },
    address: { type: String, value: '' },
    distance: { type: String, value: '' },
  },
  methods: {
    onCard() {
      this.triggerEvent('open')
    },
  },
})
