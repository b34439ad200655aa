// A doctor: who they are, on which days they sit, and the slots of the chosen day.
import { api, type Schemas } from '../../../api/client'
import { serverNow } from '../../../api/clock'
import { Refusal } from '../../../api/refusal'
import { apiBase } from '../../../config'
import {
  factsOf,
  firstDay,
  nextDayWithPlaces,
  releasesOf,
  type SessionItem,
  sessionsOf,
  type SessionView,
} from '../../../parts/clinic-sessions'
import { namedDay, type StripDay, stripOf } from '../../../parts/days'
import { dateOf, remaining } from '../../../parts/format'
import { unlessGone } from '../../../parts/gone'
import { type Problem, retry, shown, type State } from '../../../parts/loading'
import { look } from '../../../parts/look'
import {
  asked,
  awaiting,
  isDue,
  nothingAwaited,
  putOff,
  secondsLeft,
  type Watch,
} from '../../../parts/release'
import { say, texts } from '../../../texts/catalog'
import { openPage } from '../../../parts/open'

/** A countdown of more than a day would only be noise; the day and hour are said anyway. */
const longestCountdownS = 24 * 3600

/** Coming back to the page after so long reads the places again. */
const staleMs = 15_000

interface Shown {
  sessions: SessionItem[]
  days: StripDay[]
  date: string
  dayText: string
  nextDate: string
  nextText: string
}

Page({
  behaviors: [look],
  data: {
    t: texts.doctor,
    state: 'loading' as State,
    problem: null as Problem | null,
    emptyText: '',
    doctor: null as Schemas['DoctorOut'] | null,
    photo: '',
    departments: '',
    hasMore: false,
    isOpen: false,
    hasSessions: true,
    countdown: '',
    isReleasing: false,
    news: '',
    sessions: [] as SessionItem[],
    days: [] as StripDay[],
    date: '',
    dayText: '',
    nextDate: '',
    nextText: '',
  },

  all: [] as SessionView[],
  watch: nothingAwaited as Watch,
  timer: 0,
  id: '',
  wantedDate: '',
  readAt: 0,

  onLoad({ id = '', date = '' }: { id?: string; date?: string }) {
    this.id = id
    this.wantedDate = date
    void shown(this, () => unlessGone(this, () => this.load()))
  },
  onShow() {
    this.timer = setInterval(() => this.tick(), 1000)
    if (!this.tick() && this.isStale()) void this.refresh('')
  },
  onHide() {
    clearInterval(this.timer)
  },
  onUnload() {
    clearInterval(this.timer)
  },
  onElsewhere() {
    void wx.switchTab({ url: '/pages/registration/registration' })
  },
  onRetry() {
    void retry(this)
  },
  async onPullDownRefresh() {
    await retry(this)
    wx.stopPullDownRefresh()
  },

  async load() {
    const [doctor, { items }] = await Promise.all([
      api.get('/api/v1/doctors/{doctor_id}', { path: { doctor_id: this.id } }),
      this.readSessions(),
    ])
    wx.setNavigationBarTitle({ title: say.doctorTitle(doctor.name, doctor.title) })
    this.setData({
      doctor,
      photo: doctor.photo_path ? `${apiBase()}/${doctor.photo_path}` : '',
      departments: say.joined([doctor.hospital.name, ...doctor.departments.map(({ name }) => name)]),
      hasMore: doctor.skills.length > 40 || doctor.diseases.length > 0 || Boolean(doctor.intro),
    })
    this.take(items)
  },
  readSessions() {
    return api.get('/api/v1/doctors/{doctor_id}/sessions', { path: { doctor_id: this.id } })
  },

  /** Shows what the server said, on the day that was chosen. */
  take(items: SessionView[]) {
    this.all = items
    this.readAt = Date.now()
    this.watch = awaiting(this.watch, releasesOf(items), serverNow(), Math.random())
    const today = dateOf(serverNow())
    // A day that was chosen before midnight is gone after it.
    const chosen = this.data.date >= today ? this.data.date : ''
    const date = chosen || firstDay(factsOf(items), this.wantedDate, today)
    this.setData({ hasSessions: items.length > 0, news: '', ...this.dayOf(date) })
    this.tick()
  },
  dayOf(date: string): Shown {
    const today = dateOf(serverNow())
    const facts = factsOf(this.all)
    const sessions = sessionsOf(this.all, date, today)
    const hasPlaces = facts.get(date)?.state === 'available'
    const next = hasPlaces ? null : nextDayWithPlaces(facts, date)
    return {
      date,
      dayText: namedDay(date, today),
      days: stripOf(facts, today),
      sessions,
      nextDate: next ?? '',
      nextText: next ? say.nextDay(namedDay(next, today)) : '',
    }
  },

  /** Each second: the countdown of the day shown, and the one question after a release; true when it was asked. */
  tick(): boolean {
    const now = serverNow()
    const due = isDue(this.watch, now)
    if (due) void this.refresh(texts.doctor.refreshed)
    const left = secondsLeft(this.watch, now)
    const countdown = left === null || !this.isWatchedDay() ? '' : this.countdownOf(left)
    if (countdown !== this.data.countdown) this.setData({ countdown, isReleasing: left === 0 })
    return due
  },
  isWatchedDay(): boolean {
    return this.data.sessions.some((session) => Date.parse(session.releaseAt) === this.watch.releaseAt)
  },
  countdownOf(left: number): string {
    if (left > longestCountdownS) return ''
    return left > 0 ? remaining(left * 1000) : say.releasing
  },
  /** Places go while a patient looks elsewhere; but not while the server asked us to wait. */
  isStale(): boolean {
    const waiting = this.watch.askAt !== null && secondsLeft(this.watch, serverNow()) === 0
    return this.data.state === 'ready' && !waiting && Date.now() - this.readAt > staleMs
  },
  /** Reads the places again without a skeleton, and says `news` when it went well. */
  async refresh(news: string) {
    const wasDue = isDue(this.watch, serverNow())
    if (wasDue) this.watch = asked(this.watch)
    try {
      const { items } = await this.readSessions()
      this.take(items)
      this.setData({ news: this.stillWaits() ? texts.doctor.stillWaiting : news })
    } catch (error) {
      if (!wasDue) return
      const waitS = error instanceof Refusal ? error.retryAfterS : null
      this.watch = putOff(this.watch, waitS, serverNow(), Math.random())
      this.setData({ news: waitS === null ? texts.doctor.pullDown : say.crowded(waitS) })
    }
  },
  /** Asked after a release, and the server had not released yet. */
  stillWaits(): boolean {
    return releasesOf(this.all).some((at) => at <= this.watch.askedUntil)
  },

  onDay({ detail }: WechatMiniprogram.CustomEvent<{ date: string }>) {
    this.setData({ news: '', ...this.dayOf(detail.date) })
    this.tick()
  },
  onNextDay() {
    this.setData(this.dayOf(this.data.nextDate))
  },
  onMore() {
    this.setData({ isOpen: !this.data.isOpen })
  },
  onBook({ detail }: WechatMiniprogram.CustomEvent<{ slot: string; session: string }>) {
    const query = `slot=${detail.slot}&doctor=${this.id}&session=${detail.session}`
    openPage(`/packages/booking/confirm/confirm?${query}`)
  },
  onDepartment() {
    const { doctor } = this.data
    if (!doctor) return
    const query = `id=${doctor.departments[0].id}&hospital=${doctor.hospital.id}`
    openPage(`/packages/catalog/department/department?${query}`)
  },
  onShareAppMessage() {
    const { doctor } = this.data
    return {
      title: doctor ? say.shareDoctor(doctor.name, doctor.title, doctor.hospital.name) : say.shareApp,
      path: `/packages/catalog/doctor/doctor?id=${this.id}`,
    }
  },
})
