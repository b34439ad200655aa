import { counted, load, save, type Item } from '../../../model/list'

Page({
  data: { item: undefined as Item | undefined },
  onLoad({ id }: { id?: string }) {
    this.setData({ item: load().find((item) => item.id === Number(id)) })
  },
  count(event: WechatMiniprogram.CustomEvent<{ value: number }>) {
    const { item } = this.data
    if (!item) return
    save(counted(load(), item.id, event.detail.value))
    this.setData({ 'item.count': event.detail.value })
  },
})
