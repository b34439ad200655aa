// 确认预约: the slot, whom it is for, what it costs and which rules matter, and one button.
import { api, newKey, type Schemas } from '../../../api/client'
import { serverNow } from '../../../api/clock'
import { goToLogin, requireLogin } from '../../../api/login'
import { yuan } from '../../../parts/format'
import { retry, shown, type Problem, type State } from '../../../parts/loading'
import { look } from '../../../parts/look'
import { texts } from '../../../texts/booking'
import {
  choosePatient,
  otherChoices,
  patientChoices,
  visitAt,
  whyNot,
  type Choice,
  type Patient,
  type PatientChoice,
} from '../parts/candidate'
import * as go from '../parts/go'
import { callHospital } from '../parts/hospital'
import { stepsOf, type Step } from '../parts/next-step'
import { refusalView, type RefusalView } from '../parts/refusal-view'
import { findPlace, type SessionView } from '../parts/slot'
import type { Visit } from '../parts/standing'
import { termsFor } from '../parts/terms'

const t = texts.confirm

Page({
  behaviors: [look],
  data: {
    t,
    look: '',
    state: 'loading' as State,
    problem: null as Problem | null,
    visit: null as Visit | null,
    gone: '',
    fee: '',
    isFree: false,
    terms: [] as string[],
    sentences: [] as string[],
    showsRules: false,
    patients: [] as PatientChoice[],
    chosen: '',
    isSubmitting: false,
    refusal: null as RefusalView | null,
    others: [] as Choice[],
    consenting: null as Patient | null,
  },
  slotId: '',
  doctorId: '',
  key: '',
  doctor: null as Schemas['DoctorOut'] | null,
  rules: null as Schemas['RulesOut'] | null,
  sessions: [] as SessionView[],
  people: null as Patient[] | null,

  onLoad(query: { slot?: string; doctor?: string }) {
    this.slotId = query.slot ?? ''
    this.doctorId = query.doctor ?? ''
  },
  async onShow() {
    if (this.data.isSubmitting || !(await requireLogin(this))) return
    this.onCloseRefusal()
    await shown(this, () => this.load())
  },
  onRetry() {
    void retry(this)
  },

  async load() {
    const path = { doctor_id: this.doctorId }
    const [doctor, patients] = await Promise.all([
      api.get('/api/v1/doctors/{doctor_id}', { path }),
      api.get('/api/v1/patients'),
      this.readSessions(),
    ])
    this.doctor = doctor
    this.rules ??= await api.get('/api/v1/hospitals/{hospital_id}/rules', {
      path: { hospital_id: doctor.hospital.id },
    })
    const chosen = choosePatient(patients.items, this.people, this.data.chosen)
    if (chosen !== this.data.chosen) this.forgetDeed()
    this.people = patients.items
    this.setData({ patients: patientChoices(patients.items), chosen })
    return this.showSlot()
  },
  async readSessions() {
    const { items } = await api.get('/api/v1/doctors/{doctor_id}/sessions', {
      path: { doctor_id: this.doctorId },
    })
    this.sessions = items
  },
  showSlot() {
    const place = findPlace(this.sessions, this.slotId)
    if (!place || !this.doctor || !this.rules) return 'empty' as const
    const { session } = place
    const gone = whyNot(place)
    this.setData({
      visit: visitAt(place, this.doctor),
      gone,
      others: gone ? this.otherSlots() : [],
      fee: yuan(session.fee_fen),
      isFree: session.fee_fen === 0,
      terms: termsFor(this.rules, session, serverNow()),
      sentences: this.rules.sentences,
    })
  },

  /** Big text leaves room for two. */
  otherSlots(): Choice[] {
    return otherChoices(this.sessions, this.slotId, this.data.look ? 2 : 4)
  },

  onOpenRules() {
    this.setData({ showsRules: true })
  },
  onCloseRules() {
    this.setData({ showsRules: false })
  },
  onRulesMoved({ detail }: WechatMiniprogram.CustomEvent<{ visible: boolean }>) {
    this.setData({ showsRules: detail.visible })
  },
  onChoosePatient({ detail }: WechatMiniprogram.CustomEvent<{ id: string }>) {
    this.forgetDeed()
    this.setData({ chosen: detail.id, refusal: null })
  },
  onAddPatient() {
    go.open('patient')
  },
  onChooseSlot({ detail }: WechatMiniprogram.CustomEvent<{ id: string }>) {
    this.slotId = detail.id
    this.forgetDeed()
    this.setData({ refusal: null, others: [] })
    void this.showSlot()
  },
  /** Another slot or patient is another deed: what was asked before must not answer it. */
  forgetDeed() {
    this.key = ''
  },

  async onSubmit() {
    if (this.data.isSubmitting) return
    if (!this.data.chosen) return void wx.showToast({ title: t.choosePatient, icon: 'none' })
    this.setData({ isSubmitting: true, refusal: null })
    try {
      await this.book()
    } catch (error) {
      await this.refuse(error)
    }
    this.setData({ isSubmitting: false })
  },
  async book() {
    this.key ||= newKey()
    const body = { slot_id: this.slotId, patient_id: this.data.chosen }
    const held = await api.post('/api/v1/appointments', { body, once: this.key })
    this.forgetDeed()
    go.lead(this, held.state === 'held' ? 'payment' : 'result', { appointment: held.id })
  },
  async refuse(error: unknown) {
    const refusal = refusalView(error, stepsOf.confirm, t.offline)
    if (refusal.code === 'idempotency-key-reused') this.forgetDeed()
    const offersSlots = refusal.ways.some(({ step }) => step === 'slots')
    if (offersSlots) await this.readSessions().catch(() => undefined)
    this.setData({
      refusal: { ...refusal, ways: refusal.ways.filter(({ step }) => step !== 'slots') },
      others: offersSlots ? this.otherSlots() : [],
    })
  },
  onCloseRefusal() {
    this.setData({ refusal: null, others: [] })
  },

  onWay({ detail }: WechatMiniprogram.CustomEvent<{ step: Step }>) {
    const ways: Partial<Record<Step, () => void>> = {
      dates: () => this.toDoctor(),
      countdown: () => this.toDoctor(),
      appointment: () => go.open('appointment', { id: this.data.refusal?.appointmentId ?? '' }),
      appointments: () => go.open('appointments'),
      'other-patient': () => this.onCloseRefusal(),
      verify: () => go.open('patient', { id: this.data.chosen }),
      consent: () =>
        this.setData({ consenting: this.people?.find(({ id }) => id === this.data.chosen) ?? null }),
      departments: () => go.open('hospital', { id: this.doctor?.hospital.id ?? '' }),
      login: () => goToLogin(this),
      retry: () => void this.onSubmit(),
      call: () => void callHospital(this.doctor?.hospital.id ?? ''),
    }
    ways[detail.step]?.()
  },
  toDoctor() {
    const date = findPlace(this.sessions, this.slotId)?.session.date
    go.backTo('doctor', date ? { id: this.doctorId, date } : { id: this.doctorId })
  },
  onAgreed() {
    this.setData({ consenting: null })
    void this.onSubmit()
  },
  onDeclined() {
    this.setData({ consenting: null })
    void wx.showToast({ title: texts.consent.declined, icon: 'none' })
  },
})
