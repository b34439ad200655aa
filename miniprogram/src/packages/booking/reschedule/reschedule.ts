// 改约: another slot of the same doctor or of a colleague; until it is taken the old place stays.
import { api, newKey } from '../../../api/client'
import { goToLogin, requireLogin } from '../../../api/login'
import { problemOf, retry, shown, type Problem, type State } from '../../../parts/loading'
import { look } from '../../../parts/look'
import { texts } from '../../../texts/booking'
import * as go from '../parts/go'
import { call } from '../parts/hospital'
import { differenceOf, doctorChoices, groupsOf, type DoctorChoice, type Group } from '../parts/moving'
import { stepsOf, type Step } from '../parts/next-step'
import { refusalView, type RefusalView } from '../parts/refusal-view'
import { findPlace, type SessionView } from '../parts/slot'
import { visitOf, type Appointment, type Visit } from '../parts/standing'

const t = texts.reschedule
/** Sessions in view before one asks for more. */
const fewDays = 4

Page({
  behaviors: [look],
  data: {
    t,
    state: 'loading' as State,
    problem: null as Problem | null,
    old: null as Visit | null,
    counts: false,
    doctors: [] as DoctorChoice[],
    doctorId: '',
    groups: [] as Group[],
    most: fewDays,
    isReading: false,
    readProblem: '',
    chosen: '',
    chosenWords: '',
    moneyWords: '',
    isMoving: false,
    refusal: null as RefusalView | null,
  },
  id: '',
  key: '',
  appointment: null as Appointment | null,
  sessions: [] as SessionView[],
  /** Whose sessions were asked for last; what comes of another doctor's is too late. */
  asked: '',

  onLoad(query: { appointment?: string }) {
    this.id = query.appointment ?? ''
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
    if (!appointment.allowed.reschedule) return 'empty' as const
    const doctorId = this.data.doctorId || appointment.doctor.id
    const [others] = await Promise.all([
      api.get('/api/v1/departments/{department_id}/doctors', {
        path: { department_id: appointment.department.id },
      }),
      this.readSessions(doctorId),
    ])
    this.setData({
      old: visitOf(appointment),
      counts: appointment.allowed.cancel_counts,
      doctors: doctorChoices(appointment.doctor, others.items),
      doctorId: this.asked,
    })
    if (this.asked === doctorId) this.showSessions()
    return undefined
  },
  async readSessions(doctorId: string) {
    this.asked = doctorId
    const { items } = await api.get('/api/v1/doctors/{doctor_id}/sessions', { path: { doctor_id: doctorId } })
    if (this.asked === doctorId) this.sessions = items
  },
  showSessions() {
    this.setData({ groups: groupsOf(this.sessions, this.appointment as Appointment), isReading: false })
    if (!findPlace(this.sessions, this.data.chosen)?.slot.bookable) this.choose('', '')
  },

  async onDoctor({ currentTarget }: WechatMiniprogram.TouchEvent) {
    await this.showDoctor(String(currentTarget.dataset.id))
  },
  onMoreDays() {
    this.setData({ most: this.data.groups.length })
  },
  onReadAgain() {
    void this.showDoctor(this.data.doctorId)
  },
  async showDoctor(doctorId: string) {
    this.setData({ doctorId, groups: [], most: fewDays, isReading: true, readProblem: '' })
    this.choose('', '')
    try {
      await this.readSessions(doctorId)
      if (this.asked === doctorId) this.showSessions()
    } catch (error) {
      if (this.asked === doctorId) this.setData({ isReading: false, readProblem: problemOf(error).title })
    }
  },
  onSlot({ currentTarget }: WechatMiniprogram.TouchEvent) {
    const { id, words } = currentTarget.dataset as { id: string; words: string }
    this.choose(id, words)
  },
  /** Another slot is another deed: what was asked before must not answer it. */
  choose(id: string, words: string) {
    const place = findPlace(this.sessions, id)
    const moved = this.appointment as Appointment
    this.key = ''
    this.setData({
      chosen: id,
      chosenWords: words && t.chosen(words),
      moneyWords: place ? differenceOf(moved, place.session.fee_fen).words || t.sameFee : '',
      refusal: null,
    })
  },

  async onMove() {
    if (this.data.isMoving) return
    if (!this.data.chosen) return void wx.showToast({ title: t.chooseFirst, icon: 'none' })
    this.setData({ isMoving: true, refusal: null })
    try {
      await this.move()
    } catch (error) {
      await this.refuse(error)
    }
    this.setData({ isMoving: false })
  },
  async move() {
    this.key ||= newKey()
    const moved = await api.post('/api/v1/appointments/{appointment_id}/reschedule', {
      path: { appointment_id: this.id },
      body: { slot_id: this.data.chosen },
      once: this.key,
    })
    this.key = ''
    go.lead(this, 'result', { appointment: moved.id, moved: '1' })
  },
  async refuse(error: unknown) {
    const refusal = refusalView(error, stepsOf.reschedule, texts.appointment.offline)
    if (refusal.ways.some(({ step }) => step === 'slots')) {
      await this.readSessions(this.data.doctorId).catch(() => undefined)
      this.showSessions()
    }
    this.setData({ refusal })
  },
  onWay({ detail }: WechatMiniprogram.CustomEvent<{ step: Step }>) {
    const ways: Partial<Record<Step, () => void>> = {
      slots: () => this.onCloseRefusal(),
      verify: () => go.open('patient', { id: this.appointment?.patient.id ?? '' }),
      consent: () => go.open('privacy'),
      retry: () => void this.onMove(),
      appointment: () => this.toAppointment(),
      appointments: () => go.open('appointments'),
      pay: () => go.become('payment', { appointment: this.id }),
      call: () => this.appointment && call(this.appointment),
      login: () => goToLogin(this),
    }
    ways[detail.step]?.()
  },
  onCloseRefusal() {
    this.setData({ refusal: null })
  },
  /** The one in the way when the server named it, else the one that is being moved. */
  toAppointment() {
    const other = this.data.refusal?.appointmentId
    if (other) go.open('appointment', { id: other })
    else this.onKeep()
  },
  onKeep() {
    go.backTo('appointment', { id: this.id })
  },
})
