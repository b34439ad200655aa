// A strip of days to choose from, each with its state in one word. TDesign's tabs hold one line each, its calendar a month.
import type { StripDay } from '../../parts/days'

Component({
  properties: {
    days: { type: Array, value: [] as StripDay[] },
    chosen: { type: String, value: '' },
    /** Name and word of a first cell that stands for any day; left out when empty. */
    anyName: { type: String, value: '' },
    anyWord: { type: String, value: '' },
    label: { type: String, value: '' },
  },
  data: { anchor: '' },
  observers: {
    'days, chosen'(days: StripDay[], chosen: string) {
      if (days.length && chosen) this.setData({ anchor: `day-${chosen}` })
    },
  },
  methods: {
    onDay({ currentTarget }: WechatMiniprogram.TouchEvent) {
      this.triggerEvent('pick', { date: currentTarget.dataset.date })
    },
  },
})
