import { load, save } from '../../model/list'

Page({
  data: { count: 0 },
  onShow() {
    this.setData({ count: load().length })
  },
  clear() {
    save([])
    this.setData({ count: 0 })
    wx.showToast({ title: '已清空' })
  },
})
