// Whom the booking is for: an account has at most five patients, so all of them are in view.
import { texts } from '../../../../texts/booking'

Component({
  properties: {
    /** [{id, name, note}] */
    patients: { type: Array, value: [] as { id: string; name: string; note: string }[] },
    chosen: { type: String, value: '' },
    canAdd: { type: Boolean, value: true },
  },
  data: { t: texts.confirm },
  methods: {
    onChoose(event: WechatMiniprogram.TouchEvent) {
      this.triggerEvent('choose', { id: event.currentTarget.dataset.id })
    },
    onAdd() {
      this.triggerEvent('add')
    },
  },
})
