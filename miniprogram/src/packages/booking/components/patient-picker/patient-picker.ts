// Whom the booking is for: an account has at most five patients, so all of them are in view.
import { texts } from '../../../../texts/booking'

Component({
  properties: {
    /** [{id, name, note}] */
    patients: { type: Array, value: [] as { id: string; name: string; note: string }[] },
    chosen: { type: String, value: '' },
  },
  data: { t: texts.confirm },
  methods: {
    onChoose({ detail }: WechatMiniprogram.CustomEvent<{ value: string }>) {
      this.triggerEvent('choose', { id: detail.value })
    },
    onAdd() {
      this.triggerEvent('add')
    },
  },
})
