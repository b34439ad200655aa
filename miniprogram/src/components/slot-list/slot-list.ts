// A doctor's sessions of one day: where, how much, and the slots with the places left.
import type { SessionItem } from '../../parts/clinic-sessions'
import { texts } from '../../texts/catalog'

Component({
  properties: {
    sessions: { type: Array, value: [] as SessionItem[] },
    /** The department of each session, where a doctor sits in several. */
    showDepartment: { type: Boolean, value: false },
  },
  data: { t: texts.doctor },
  methods: {
    onSlot({ currentTarget }: WechatMiniprogram.TouchEvent) {
      const { slot, session } = currentTarget.dataset
      this.triggerEvent('book', { slot, session })
    },
  },
})
