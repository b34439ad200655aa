import { items } from '../../behaviors/items'
import { added, toggled } from '../../model/list'

Component({
  behaviors: [items],
  data: { name: '' },
  methods: {
    type(event: WechatMiniprogram.Input) {
      this.setData({ name: event.detail.value })
    },
    add() {
      const name = this.data.name.trim()
      if (!name) {
        wx.showToast({ title: '请输入名称', icon: 'none' })
        return
      }
      this.keep(added(this.data.items, name))
      this.setData({ name: '' })
    },
    toggle(event: WechatMiniprogram.CustomEvent<{ id: number }>) {
      this.keep(toggled(this.data.items, event.detail.id))
    },
    open(event: WechatMiniprogram.TouchEvent) {
      wx.navigateTo({ url: `/packages/item/edit/edit?id=${event.currentTarget.dataset.id}` })
    },
  },
})
