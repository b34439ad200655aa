// Changes the password, by the present one.
import { api } from '../../../api/client'
import { passwordFault } from '../../../parts/credentials'
import { faults } from '../../../parts/faults'
import { form, isPlaced } from '../../../parts/form'
import { look } from '../../../parts/look'
import { refused } from '../../../parts/refused'
import { close } from '../../../parts/way-back'
import { texts } from '../../../texts/account'
import { openPage } from '../../../parts/open'

const places = { 'old-password-wrong': 'old', 'login-paused': 'old', 'password-weak': 'fresh' }

Page({
  behaviors: [look, form],
  data: { t: texts, old: '', fresh: '', wrong: {} as { old?: string; fresh?: string }, isBusy: false },

  async onChange() {
    const { old, fresh } = this.data
    const wrong = faults({ old: old ? '' : texts.passwordMissing, fresh: passwordFault(fresh) })
    this.setData({ wrong })
    if (this.data.isBusy || Object.keys(wrong).length) return
    this.setData({ isBusy: true })
    try {
      await api.post('/api/v1/me/password', { body: { old_password: old, new_password: fresh } })
      await wx.showModal({ title: '', content: texts.passwordDone, showCancel: false })
      close(this)
    } catch (error) {
      if (!isPlaced(this, error, places)) await refused(error)
    } finally {
      this.setData({ isBusy: false })
    }
  },

  onReset() {
    openPage('/packages/account/reset/reset')
  },
})
