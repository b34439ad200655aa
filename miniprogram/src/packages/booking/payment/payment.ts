// 支付: how long the place is kept, the ways to pay, and what the server has heard of the payment.
import { api, type Schemas } from '../../../api/client'
import { serverNow } from '../../../api/clock'
import { goToLogin, requireLogin } from '../../../api/login'
import { dateOf, remaining } from '../../../parts/format'
import { retry, shown, type Problem, type State } from '../../../parts/loading'
import { look } from '../../../parts/look'
import { texts } from '../../../texts/booking'
import { askWeChat, isInWeChat, openPayment, shownOf, type Shown } from '../parts/cashier'
import * as go from '../parts/go'
import { callHospital } from '../parts/hospital'
import { stepsOf, type Step } from '../parts/next-step'
import { longFrom, type Method, type OnlineChannel } from '../parts/paying'
import { paymentView } from '../parts/payment-view'
import { refusalView, type RefusalView } from '../parts/refusal-view'
import type { Appointment, Visit } from '../parts/standing'
import { Watch } from '../parts/watch'

const t = texts.payment
type Stage = 'choose' | 'opening' | 'checking' | 'over' | 'over-checking'

Page({
  behaviors: [look],
  data: {
    t,
    state: 'loading' as State,
    problem: null as Problem | null,
    stage: 'choose' as Stage,
    visit: null as Visit | null,
    amount: '',
    left: '',
    isShort: false,
    until: '',
    methods: [] as Method[],
    channel: '' as OnlineChannel | '',
    inWeChat: true,
    shown: null as Shown | null,
    note: '',
    isLong: false,
    hasTried: false,
    refusal: null as RefusalView | null,
  },
  id: '',
  appointment: null as Appointment | null,
  order: null as Schemas['OrderOut'] | null,
  ticking: 0,
  isInView: false,
  watch: null as Watch | null,

  onLoad(query: { appointment?: string }) {
    this.id = query.appointment ?? ''
    this.watch = new Watch((nth) => this.hear(nth))
  },
  async onShow() {
    this.isInView = true
    if (await requireLogin(this)) await shown(this, () => this.load())
  },
  onHide() {
    this.rest()
  },
  onUnload() {
    this.rest()
  },
  rest() {
    this.isInView = false
    clearInterval(this.ticking)
    this.watch?.stop()
  },
  onRetry() {
    void retry(this)
  },

  async load() {
    const [inWeChat] = await Promise.all([isInWeChat(), this.read()])
    const appointment = this.appointment as Appointment
    if (this.isSettled()) return
    this.order = await api.get('/api/v1/orders/{order_id}', { path: { order_id: appointment.order.id } })
    this.setData(paymentView(appointment, this.order, inWeChat, this.data.channel))
    if (this.isInView) this.run(appointment.order.state !== 'created')
  },
  /** The countdown, and where a payment may be under way the watch for it. */
  run(isWatched: boolean) {
    clearInterval(this.ticking)
    this.ticking = setInterval(() => this.tick(), 1000)
    if (isWatched) this.watch?.start()
    this.tick()
  },
  async read() {
    this.appointment = await api.get('/api/v1/appointments/{appointment_id}', {
      path: { appointment_id: this.id },
    })
  },
  /** Leaves the page when there is nothing to pay any more; answers whether that is so. */
  isSettled(): boolean {
    const state = this.appointment?.state
    if (state === 'held') return false
    if (state === 'expired') {
      this.endHold('over')
      return false
    }
    if (this.isInView) this.leave(state === 'booked')
    return true
  },

  leave(isBooked: boolean) {
    this.rest()
    if (isBooked) go.become('result', { appointment: this.id })
    else go.become('appointment', { id: this.id })
  },

  tick() {
    const endsAt = this.appointment?.hold_expires_at
    if (!endsAt || this.isOver()) return
    const ms = Date.parse(endsAt) - serverNow()
    if (ms > 0) this.setData({ left: t.leftWords(remaining(ms)), isShort: ms < 120_000 })
    else this.expire()
  },
  isOver(): boolean {
    return this.data.stage === 'over' || this.data.stage === 'over-checking'
  },
  /** The time is over. Where a payment was opened the provider is asked first, and the server says how it ended. */
  expire() {
    clearInterval(this.ticking)
    this.endHold('over-checking')
    this.watch?.start()
  },
  endHold(stage: Stage) {
    clearInterval(this.ticking)
    this.setData({ stage, left: '', shown: null, refusal: null, note: '' })
  },

  /** One look at what the server has heard; true when the page need not ask any more. */
  async hear(nth: number): Promise<boolean> {
    await this.read()
    if (this.isSettled()) return true
    this.setData({ isLong: nth >= longFrom })
    return this.data.stage === 'over'
  },

  onChoose({ detail }: WechatMiniprogram.CustomEvent<{ value: OnlineChannel }>) {
    this.setData({ channel: detail.value, shown: null, refusal: null, note: '' })
  },
  async onPay() {
    const { channel, stage } = this.data
    if (!channel || stage === 'opening') return
    this.setData({ stage: 'opening', refusal: null, note: '' })
    try {
      await this.pay(channel)
    } catch (error) {
      this.backToChoice({ refusal: refusalView(error, stepsOf.payment, t.offline) })
    }
  },
  async pay(channel: OnlineChannel) {
    const payment = await openPayment(this.order?.id ?? '', channel)
    this.setData({ hasTried: true })
    if (channel !== 'wechat_jsapi') {
      this.backToChoice({ shown: shownOf(payment) })
      void wx.pageScrollTo({ scrollTop: 0 })
      return this.follow()
    }
    const word = await askWeChat(payment)
    this.follow()
    if (word === 'paid') this.leaveChoice('checking')
    else this.backToChoice({ note: t[word] })
  },
  /** Who left while the payment was being opened is not followed: the next look at the page asks. */
  follow() {
    if (this.isInView) this.watch?.start()
  },
  /** The hold may have ended while the cashier was open: then the page says so and nothing else. */
  backToChoice(shown: Partial<{ note: string; shown: Shown; refusal: RefusalView }>) {
    if (this.data.stage === 'opening') this.setData({ stage: 'choose', ...shown })
  },
  leaveChoice(stage: Stage) {
    if (this.data.stage === 'opening') this.setData({ stage, isLong: false })
  },
  async onCheck() {
    try {
      if (!(await this.hear(0))) void wx.showToast({ title: t.notYet, icon: 'none' })
      this.watch?.start()
    } catch (error) {
      void wx.showToast({ title: refusalView(error, [], t.offline).title, icon: 'none' })
    }
  },
  onOtherWay() {
    this.setData({ stage: 'choose', shown: null, note: '' })
  },

  onCopy() {
    const link = this.data.shown?.link ?? ''
    wx.setClipboardData({
      data: link,
      success: () => this.setData({ note: t.copied }),
      fail: () => this.setData({ note: t.copyFailed }),
    })
  },

  onWay({ detail }: WechatMiniprogram.CustomEvent<{ step: Step }>) {
    const ways: Partial<Record<Step, () => void>> = {
      retry: () => void this.onPay(),
      channel: () => this.setData({ refusal: null }),
      appointment: () => this.onSee(),
      login: () => goToLogin(this),
      call: () => void callHospital(this.appointment?.hospital.id ?? ''),
    }
    ways[detail.step]?.()
  },
  onCloseRefusal() {
    this.setData({ refusal: null })
  },
  onSee() {
    go.become('appointment', { id: this.id })
  },
  onChooseAgain() {
    const { doctor, starts_at } = this.appointment as Appointment
    go.backTo('doctor', { id: doctor.id, date: dateOf(starts_at) })
  },
})
