// A few slots to choose from on the spot.
Component({
  properties: {
    heading: { type: String, value: '' },
    /** [{id, day, time, fee}] */
    places: { type: Array, value: [] as { id: string; day: string; time: string; fee: string }[] },
  },
  methods: {
    onChoose(event: WechatMiniprogram.TouchEvent) {
      this.triggerEvent('choose', { id: event.currentTarget.dataset.id })
    },
  },
})
