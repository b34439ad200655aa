// A department: whom it sees, where it is, and its doctors by day.
import { api } from '../../../api/client'
import { serverNow } from '../../../api/clock'
import { type StripDay, stripOf } from '../../../parts/days'
import { type DoctorDays, type DoctorRow, factsOf, rowsOf } from '../../../parts/department-days'
import { limitsOf } from '../../../parts/departments'
import { dateOf } from '../../../parts/format'
import { unlessGone } from '../../../parts/gone'
import { type Problem, retry, shown, type State } from '../../../parts/loading'
import { type Look, look } from '../../../parts/look'
import { say, texts } from '../../../texts/catalog'
import { type NextTime, readNextTimes } from '../parts/next-times'
import { openPage } from '../../../parts/open'

/** Doctors whose times care mode reads at a time. */
const timesAtOnce = 4

/** Doctors whose times it reads at all: a crowd of phones must not ask for hundreds; the others' times are a tap away. */
const timesAtMost = 12

/** Coming back to the page after so long reads the places again. */
const staleMs = 15_000

type Row = DoctorRow & { times: NextTime[] | null; failed: boolean }

Page({
  behaviors: [look],
  data: {
    t: texts.department,
    look: '' as Look['look'],
    state: 'loading' as State,
    problem: null as Problem | null,
    emptyText: '',
    emptyAction: texts.department.elsewhere,
    name: '',
    hospital: '',
    place: '',
    limits: '',
    intro: '',
    days: [] as StripDay[],
    date: '',
    rows: [] as Row[],
  },

  id: '',
  hospitalId: '',
  readAt: 0,
  wantedDate: '',
  doctors: [] as DoctorDays[],
  /** counts the lists shown; times read for an earlier one are late */
  round: 0,

  onLoad({ id = '', date = '' }: { id?: string; date?: string }) {
    this.id = id
    this.wantedDate = date
    void shown(this, () => unlessGone(this, () => this.load()))
  },
  /** Places go while a patient looks elsewhere; what is shown stays when the answer does not come. */
  onShow() {
    const isStale = this.data.state === 'ready' && Date.now() - this.readAt > staleMs
    if (isStale) this.load().catch(() => undefined)
  },
  onRetry() {
    void retry(this)
  },
  async onPullDownRefresh() {
    await retry(this)
    wx.stopPullDownRefresh()
  },

  async load() {
    const [, { items }] = await Promise.all([
      this.readDepartment(),
      api.get('/api/v1/departments/{department_id}/doctors', { path: { department_id: this.id } }),
    ])
    this.doctors = items
    this.readAt = Date.now()
    const today = dateOf(serverNow())
    this.setData({ days: stripOf(factsOf(items), today) })
    this.showDay([this.data.date, this.wantedDate].find((date) => date >= today) ?? '')
    this.setData({ emptyText: texts.department.empty, emptyAction: texts.department.emptyAction })
    return items.length ? undefined : ('empty' as const)
  },
  async readDepartment() {
    const department = await api.get('/api/v1/departments/{department_id}', {
      path: { department_id: this.id },
    })
    wx.setNavigationBarTitle({ title: department.name })
    this.hospitalId = department.hospital.id
    this.setData({
      name: department.name,
      hospital: department.hospital.name,
      place: say.joined([department.campus?.name ?? '', department.place]),
      limits: limitsOf(department),
      intro: department.intro,
    })
  },

  showDay(date: string) {
    const rows = rowsOf(this.doctors, date, dateOf(serverNow()))
    const asked = new Set(rows.filter(({ tone }) => tone === 'available').slice(0, timesAtMost))
    this.setData({
      date,
      rows: rows.map((row) => ({ ...row, times: asked.has(row) ? null : [], failed: false })),
    })
    this.round += 1
    void this.readTimes(this.round)
  },
  onDay({ detail }: WechatMiniprogram.CustomEvent<{ date: string }>) {
    this.showDay(detail.date)
  },

  /** Care mode shows times and not only days: a few doctors after the other, those further down by their own page. */
  async readTimes(round: number) {
    if (this.data.look !== 'care') return
    const { rows } = this.data
    const wanted = rows.flatMap(({ times }, index) => (times === null ? [index] : []))
    for (let first = 0; first < wanted.length && round === this.round; first += timesAtOnce) {
      const some = wanted.slice(first, first + timesAtOnce)
      await Promise.all(some.map((index) => this.readTimesOf(index, rows[index])))
    }
  },
  async readTimesOf(index: number, { id, date }: Row) {
    const { round } = this
    try {
      const times = await readNextTimes(id, this.id, date ?? '', dateOf(serverNow()))
      if (round === this.round) this.setData({ [`rows[${index}].times`]: times })
    } catch {
      if (round === this.round) this.setData({ [`rows[${index}].failed`]: true })
    }
  },
  onTimesAgain({ currentTarget }: WechatMiniprogram.TouchEvent) {
    const index = currentTarget.dataset.index as number
    this.setData({ [`rows[${index}].failed`]: false })
    void this.readTimesOf(index, this.data.rows[index])
  },

  onTime({ currentTarget }: WechatMiniprogram.TouchEvent) {
    const { slot, session, doctor } = currentTarget.dataset
    openPage(`/packages/booking/confirm/confirm?slot=${slot}&doctor=${doctor}&session=${session}`)
  },
  onDoctor({ currentTarget }: WechatMiniprogram.CustomEvent) {
    const { id, date } = currentTarget.dataset
    openPage(`/packages/catalog/doctor/doctor?id=${id}&date=${date ?? ''}`)
  },
  /** To the hospital's other departments, or, when the department is gone, to choose anew. */
  onElsewhere() {
    if (!this.hospitalId) return void wx.switchTab({ url: '/pages/registration/registration' })
    openPage(`/packages/catalog/hospital/hospital?id=${this.hospitalId}`)
  },
  onShareAppMessage() {
    return {
      title: say.shareDepartment(this.data.hospital, this.data.name),
      path: `/packages/catalog/department/department?id=${this.id}&hospital=${this.hospitalId}`,
    }
  },
})
