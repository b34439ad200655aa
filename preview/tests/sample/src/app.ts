import { load } from './model/list'

App({
  globalData: { openedAt: 0 },
  onLaunch() {
    this.globalData.openedAt = Date.now()
    load()
  },
})
