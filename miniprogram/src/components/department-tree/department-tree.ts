// A hospital's departments in two columns: groups, and the departments of the chosen group.
import type { Group } from '../../parts/departments'
import { texts } from '../../texts/catalog'

Component({
  properties: {
    groups: { type: Array, value: [] as Group[] },
  },
  data: { t: texts.registration, chosen: 0 },
  observers: {
    groups() {
      this.setData({ chosen: 0 })
    },
  },
  methods: {
    onGroup({ currentTarget }: WechatMiniprogram.TouchEvent) {
      this.setData({ chosen: currentTarget.dataset.index })
    },
    onLeaf({ currentTarget }: WechatMiniprogram.TouchEvent) {
      this.triggerEvent('pick', { id: currentTarget.dataset.id })
    },
  },
})
