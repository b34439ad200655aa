// One appointment in a list: state, time and place, and the deed that waits.
import { texts } from '../../../../texts/booking'

Component({
  properties: {
    /** a Card of parts/standing.ts */
    card: { type: Object, value: null as unknown as WechatMiniprogram.IAnyObject },
  },
  data: { t: texts.appointments },
  methods: {
    onOpen() {
      this.triggerEvent('open', { id: this.data.card.id })
    },
    onAct() {
      this.triggerEvent('act', { id: this.data.card.id, act: this.data.card.act })
    },
  },
})
