// Closes the account: what is lost, what stands in the way, and the proof that it is the holder who asks.
import { api } from '../../../api/client'
import { forget, requireLogin } from '../../../api/login'
import { form, isPlaced } from '../../../parts/form'
import { codeMissing, howProven, proof } from '../../../parts/holder'
import { retry, shown } from '../../../parts/loading'
import { look } from '../../../parts/look'
import { openPage } from '../../../parts/open'
import { refused } from '../../../parts/refused'
import { texts } from '../../../texts/account'

const places = { 'sms-code-wrong': 'code' }

Page({
  behaviors: [look, form],
  data: {
    t: texts,
    state: 'loading' as const,
    problem: null,
    hindrances: [] as string[],
    hasBookings: false,
    byCode: false,
    proofNote: '',
    code: '',
    codeRequest: null as string | null,
    wrong: {} as { code?: string },
    isBusy: false,
  },

  async onShow() {
    if (await requireLogin(this)) void shown(this, () => this.load())
  },

  async load() {
    const [{ items }, how] = await Promise.all([api.get('/api/v1/me/closure'), howProven()])
    const hindrances = items.map(({ text }) => text)
    this.setData({ ...how, hindrances, hasBookings: items.some(({ kind }) => kind === 'appointments') })
  },

  onRetry() {
    void retry(this)
  },

  onBookings() {
    openPage('/packages/booking/appointments/appointments')
  },

  async onClose() {
    const wrong = codeMissing(this.data)
    this.setData({ wrong })
    if (this.data.isBusy || wrong.code) return
    const { confirm } = await wx.showModal({
      title: texts.closeAccount,
      content: texts.closeAsk,
      confirmText: texts.closeYes,
      cancelText: texts.closeNo,
    })
    if (!confirm) return
    this.setData({ isBusy: true })
    try {
      await api.post('/api/v1/me/closure', { body: { proof: await proof(this.data) } })
      forget()
      await wx.showModal({ title: '', content: texts.closed, showCancel: false })
      void wx.switchTab({ url: '/pages/mine/mine' })
    } catch (error) {
      if (!isPlaced(this, error, places)) await refused(error)
    } finally {
      this.setData({ isBusy: false })
    }
  },
})
