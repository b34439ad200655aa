// 预约详情: where it stands, what has happened, and what can be done about it.
import { api, newKey } from '../../../api/client'
import { serverNow } from '../../../api/clock'
import { goToLogin, requireLogin } from '../../../api/login'
import { dateOf } from '../../../parts/format'
import { retry, shown, type Problem, type State } from '../../../parts/loading'
import { look } from '../../../parts/look'
import { texts } from '../../../texts/booking'
import {
  appointmentView,
  type AppointmentPage,
  type AppointmentView,
  type Deed,
} from '../parts/appointment-view'
import * as go from '../parts/go'
import { call, showTheWay } from '../parts/hospital'
import { stepsOf, type Step } from '../parts/next-step'
import { refusalView, type RefusalView } from '../parts/refusal-view'
import { standingOf } from '../parts/standing'
import { Watch } from '../parts/watch'

const t = texts.appointment
/** WeChat's own dialogs know no variables of ours. */
const danger = '#b92f26'

Page({
  behaviors: [look],
  data: {
    t,
    state: 'loading' as State,
    problem: null as Problem | null,
    view: null as AppointmentView | null,
    isCancelling: false,
    refusal: null as RefusalView | null,
  },
  id: '',
  key: '',
  appointment: null as AppointmentPage | null,
  watch: null as Watch | null,

  onLoad(query: { id?: string }) {
    this.id = query.id ?? ''
    this.watch = new Watch(() => this.hear())
  },
  async onShow() {
    if (await requireLogin(this)) await shown(this, () => this.load())
  },
  onHide() {
    this.watch?.stop()
  },
  onUnload() {
    this.watch?.stop()
  },
  async onPullDownRefresh() {
    await shown(this, () => this.load())
    void wx.stopPullDownRefresh()
  },
  onRetry() {
    void retry(this)
  },

  async load() {
    const path = { appointment_id: this.id }
    const appointment = await api.get('/api/v1/appointments/{appointment_id}', { path })
    const { id, amount_fen, state } = appointment.order
    const hasPaid = amount_fen > 0 && !['created', 'paying', 'closing'].includes(state)
    const order = hasPaid ? await api.get('/api/v1/orders/{order_id}', { path: { order_id: id } }) : null
    this.appointment = appointment
    this.setData({ view: appointmentView(appointment, order, serverNow()) })
    if (this.isChecking()) this.watch?.start()
  },
  /** The hold is over and the provider is being asked: the page follows how it ends. */
  isChecking(): boolean {
    return this.appointment !== null && standingOf(this.appointment, serverNow()) === 'checking'
  },
  async hear(): Promise<boolean> {
    const path = { appointment_id: this.id }
    const { state } = await api.get('/api/v1/appointments/{appointment_id}', { path })
    if (state === 'held') return false
    await shown(this, () => this.load())
    return true
  },

  onDeed({ currentTarget }: WechatMiniprogram.TouchEvent) {
    const { doctor, starts_at } = this.appointment as AppointmentPage
    const deeds: Record<Deed, () => void> = {
      pay: () => go.open('payment', { appointment: this.id }),
      reschedule: () => go.open('reschedule', { appointment: this.id }),
      cancel: () => void this.askToCancel(),
      again: () =>
        go.open('doctor', { id: doctor.id, date: dateOf(Math.max(serverNow(), Date.parse(starts_at))) }),
      mine: () => go.backTo('appointments'),
    }
    deeds[currentTarget.dataset.deed as Deed]()
  },
  /** Says what it costs before it happens, by the server's sentence of this moment. */
  async askToCancel() {
    const { confirm } = await wx.showModal({
      title: t.cancelTitle,
      content: this.appointment?.allowed.cancel_text ?? '',
      confirmText: t.deed.cancel,
      cancelText: t.keep,
      confirmColor: danger,
    })
    if (confirm) await this.cancel()
  },
  async cancel() {
    if (this.data.isCancelling) return
    this.setData({ isCancelling: true, refusal: null })
    this.key ||= newKey()
    try {
      await api.post('/api/v1/appointments/{appointment_id}/cancel', {
        path: { appointment_id: this.id },
        once: this.key,
      })
      this.key = ''
      void wx.showToast({ title: t.cancelled, icon: 'none' })
      await shown(this, () => this.load())
    } catch (error) {
      this.setData({ refusal: refusalView(error, stepsOf.appointment, t.offline) })
    }
    this.setData({ isCancelling: false })
  },

  onWay({ detail }: WechatMiniprogram.CustomEvent<{ step: Step }>) {
    const ways: Partial<Record<Step, () => void>> = {
      retry: () => void this.cancel(),
      call: () => this.onCall(),
      appointments: () => go.backTo('appointments'),
      login: () => goToLogin(this),
    }
    ways[detail.step]?.()
  },
  async onCloseRefusal() {
    this.setData({ refusal: null })
    await shown(this, () => this.load())
  },
  onNavigate() {
    if (this.appointment) showTheWay(this.appointment)
  },
  onCall() {
    if (this.appointment) call(this.appointment)
  },
  onOld() {
    go.open('appointment', { id: this.data.view?.oldId ?? '' })
  },
})
