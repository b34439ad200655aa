// 预约成功: the number, when and where, what to bring, and the code to check in with.
import { api } from '../../../api/client'
import { requireLogin } from '../../../api/login'
import { retry, shown, type Problem, type State } from '../../../parts/loading'
import { look } from '../../../parts/look'
import { texts } from '../../../texts/booking'
import * as go from '../parts/go'
import { call, showTheWay } from '../parts/hospital'
import { visitOf, type Appointment, type Visit } from '../parts/standing'

const t = texts.result

Page({
  behaviors: [look],
  data: {
    t,
    state: 'loading' as State,
    problem: null as Problem | null,
    visit: null as Visit | null,
    id: '',
    number: 0,
    patient: '',
    bring: [] as string[],
    isMoved: false,
  },
  id: '',
  appointment: null as Appointment | null,

  onLoad(query: { appointment?: string; moved?: string }) {
    this.id = query.appointment ?? ''
    if (!query.moved) return
    this.setData({ isMoved: true })
    void wx.setNavigationBarTitle({ title: t.moved })
  },
  async onShow() {
    if (await requireLogin(this)) await shown(this, () => this.load())
  },
  onRetry() {
    void retry(this)
  },

  async load() {
    const path = { appointment_id: this.id }
    const appointment = await api.get('/api/v1/appointments/{appointment_id}', { path })
    this.appointment = appointment
    if (appointment.state === 'held') return go.become('payment', { appointment: this.id })
    if (appointment.state !== 'booked') return go.become('appointment', { id: this.id })
    this.setData({
      id: this.id,
      visit: visitOf(appointment),
      number: appointment.number ?? 0,
      patient: appointment.patient.name,
      bring: appointment.bring,
    })
  },

  onNavigate() {
    if (this.appointment) showTheWay(this.appointment)
  },
  onCall() {
    if (this.appointment) call(this.appointment)
  },
  onSee() {
    go.become('appointment', { id: this.id })
  },
  onHome() {
    go.home()
  },
})
