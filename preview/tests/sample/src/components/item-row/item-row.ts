Component({
  properties: { item: Object },
  methods: {
    toggle() {
      this.triggerEvent('toggle', { id: this.data.item.id })
    },
  },
})
