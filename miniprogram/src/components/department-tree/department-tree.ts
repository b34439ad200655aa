// A hospital's departments in two columns: groups, and the departments of the chosen group.
import type { Group, Leaf } from '../../parts/departments'

Component({
  properties: {
    groups: { type: Array, value: [] as Group[] },
  },
  data: { chosen: '', leaves: [] as Leaf[] },
  observers: {
    groups(groups: Group[]) {
      if (groups.length) this.choose(groups[0].id)
    },
  },
  methods: {
    choose(id: string) {
      const group = (this.data.groups as Group[]).find((one) => one.id === id)
      this.setData({ chosen: id, leaves: group?.leaves ?? [] })
    },
    onGroup({ detail }: WechatMiniprogram.CustomEvent<{ value: string }>) {
      this.choose(detail.value)
    },
    onLeaf({ currentTarget }: WechatMiniprogram.CustomEvent) {
      this.triggerEvent('pick', { id: currentTarget.dataset.id })
    },
  },
})
