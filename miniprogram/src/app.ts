// The app's start: updates, the network, the privacy agreement, scanned codes.
import { isLoggedIn } from './api/login'
import { tellAgreed } from './parts/consents'
import { watchNetwork } from './parts/network'
import { watchPrivacy } from './parts/privacy'
import { codeOf } from './parts/scene'
import { texts } from './texts/app'
import { openPage } from './parts/open'

let opened: string | null = null

App({
  onLaunch() {
    watchNetwork()
    watchPrivacy()
    if (isLoggedIn()) void tellAgreed().catch(() => undefined)
    const updates = wx.getUpdateManager()
    updates.onUpdateReady(async () => {
      const { confirm } = await wx.showModal({
        title: '',
        content: texts.updateReady,
        confirmText: texts.updateNow,
        cancelText: texts.notNow,
      })
      if (confirm) updates.applyUpdate()
    })
  },

  /** WeChat repeats the same options when somebody returns to the app, so a code opens its page once. */
  onShow({ query }) {
    const code = codeOf(query)
    if (!code || code === opened) return
    opened = code
    openPage(`/pages/scene/scene?code=${encodeURIComponent(code)}`)
  },
})
