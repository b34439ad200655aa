// Care mode, privacy, devices, password, logging out.
import { isLoggedIn, logOut } from '../../../api/login'
import { currentLook, isCareOfWeChat, isCareSwitched, look, switchCare } from '../../../parts/look'
import { texts } from '../../../texts/account'
import { openPage } from '../../../parts/open'

Page({
  behaviors: [look],
  data: { t: texts, isCare: false, isCareOfWeChat: false, isMine: false, isBusy: false },
  onShow() {
    this.setData({ isCare: isCareSwitched(), isCareOfWeChat: isCareOfWeChat(), isMine: isLoggedIn() })
  },
  onCare({ detail }: WechatMiniprogram.CustomEvent<{ on: boolean }>) {
    switchCare(detail.on)
    this.setData({ isCare: detail.on, ...currentLook() })
  },
  onOpen({ currentTarget }: WechatMiniprogram.TouchEvent) {
    openPage(currentTarget.dataset.url as string)
  },
  async onLogOut() {
    const { confirm } = await wx.showModal({
      title: texts.logOut,
      content: texts.logOutAsk,
      confirmText: texts.logOutYes,
      cancelText: texts.logOutNo,
    })
    if (!confirm) return
    this.setData({ isBusy: true })
    await logOut()
    void wx.showToast({ title: texts.loggedOut, icon: 'none' })
    void wx.switchTab({ url: '/pages/mine/mine' })
  },
})
