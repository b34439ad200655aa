// The first page: search, the next visit, quick entries, and hospitals nearby or by city.
import { api } from '../../api/client'
import { serverNow } from '../../api/clock'
import { goToLogin, isLoggedIn } from '../../api/login'
import { dateOf } from '../../parts/format'
import { type HospitalItem, hospitalItem } from '../../parts/hospitals'
import { type Problem, retry, shown, type State } from '../../parts/loading'
import { look } from '../../parts/look'
import { codeIn } from '../../parts/scene'
import { type Visit, visitOf } from '../../parts/visit'
import { texts as common } from '../../texts/app'
import { say, texts } from '../../texts/catalog'
import { openPage } from '../../parts/open'

interface Chip {
  key: string
  name: string
}

const near: Chip = { key: 'near', name: texts.home.near }
const everywhere: Chip = { key: '', name: texts.home.allCities }

const entries = [
  {
    key: 'registration',
    icon: 'calendar-event',
    name: texts.home.registration,
    tab: '/pages/registration/registration',
    url: '',
  },
  {
    key: 'appointments',
    icon: 'assignment',
    name: texts.home.appointments,
    tab: '',
    url: '/packages/booking/appointments/appointments',
  },
  {
    key: 'patients',
    icon: 'usergroup',
    name: texts.home.patients,
    tab: '',
    url: '/packages/account/patients/patients',
  },
  { key: 'help', icon: 'help-circle', name: texts.home.help, tab: '', url: '/packages/account/help/help' },
]

Page({
  behaviors: [look],
  data: {
    t: texts.home,
    state: 'loading' as State,
    problem: null as Problem | null,
    entries,
    chips: [near, everywhere],
    /** key of the chosen chip: near, a city's name, or empty for all */
    place: '',
    notice: '',
    hospitals: [] as HospitalItem[],
    more: '' as '' | 'loading' | 'failed' | 'end',
    visit: null as Visit | null,
    visitState: 'none' as 'none' | 'invitation' | 'visit' | 'nothing' | 'failed',
  },

  point: '',
  cursor: null as string | null,

  onLoad() {
    void shown(this, () => this.load())
  },
  onShow() {
    void this.readVisit()
  },
  onRetry() {
    void retry(this)
  },
  async onPullDownRefresh() {
    await Promise.all([this.readVisit(), retry(this)])
    wx.stopPullDownRefresh()
  },

  async load() {
    const { place } = this.data
    void this.readCities()
    const page = await this.readHospitals(null)
    if (place !== this.data.place) return
    this.cursor = page.next_cursor ?? null
    this.setData({ hospitals: page.items.map(hospitalItem), more: this.cursor ? '' : 'end' })
    return page.items.length ? undefined : ('empty' as const)
  },
  readHospitals(cursor: string | null) {
    const { place } = this.data
    const where = place === near.key ? { near: this.point } : { city: place }
    return api.get('/api/v1/hospitals', { query: { ...where, cursor } })
  },
  /** The list stands without the cities; one city alone is no choice. */
  async readCities() {
    if (this.data.chips.length > 2) return
    const { items } = await api.get('/api/v1/cities').catch(() => ({ items: [] }))
    if (items.length < 2) return
    this.setData({ chips: [near, everywhere, ...items.map(({ name }) => ({ key: name, name }))] })
  },
  onReachBottom() {
    if (this.data.state === 'ready' && this.data.more === '') void this.loadMore()
  },
  onMore() {
    void this.loadMore()
  },
  async loadMore() {
    const { place } = this.data
    this.setData({ more: 'loading' })
    try {
      const page = await this.readHospitals(this.cursor)
      if (place !== this.data.place) return
      this.cursor = page.next_cursor ?? null
      const hospitals = [...this.data.hospitals, ...page.items.map(hospitalItem)]
      this.setData({ hospitals, more: this.cursor ? '' : 'end' })
    } catch {
      if (place === this.data.place) this.setData({ more: 'failed' })
    }
  },

  onPlace({ currentTarget }: WechatMiniprogram.TouchEvent) {
    const key = currentTarget.dataset.key as string
    if (key === near.key) void this.nearby()
    else this.choosePlace(key)
  },
  choosePlace(place: string) {
    this.setData({ place, notice: '' })
    void shown(this, () => this.load())
  },
  onEverywhere() {
    this.choosePlace(everywhere.key)
  },
  /** Three decimals are a street, which is enough to sort hospitals by. Refusing leaves the list as it was. */
  async nearby() {
    try {
      const { latitude, longitude } = await wx.getLocation({ type: 'gcj02' })
      this.point = `${latitude.toFixed(3)},${longitude.toFixed(3)}`
      this.choosePlace(near.key)
    } catch {
      this.setData({ notice: texts.home.noLocation })
    }
  },

  /** The next visit is extra: when it does not come, the page stands without it. */
  async readVisit() {
    if (!isLoggedIn()) {
      this.setData({ visitState: 'invitation', visit: null })
      return
    }
    try {
      const { items } = await api.get('/api/v1/appointments', { query: { upcoming: true, limit: 1 } })
      const visit = items.length ? visitOf(items[0], dateOf(serverNow())) : null
      this.setData({ visit, visitState: visit ? 'visit' : 'nothing' })
    } catch {
      this.setData({ visitState: isLoggedIn() ? 'failed' : 'invitation' })
    }
  },
  onVisit() {
    const { visit } = this.data
    if (visit) openPage(visit.url)
  },
  onVisitAgain() {
    void this.readVisit()
  },
  onLogIn() {
    goToLogin({ route: 'pages/home/home' })
  },
  onBook() {
    void wx.switchTab({ url: '/pages/registration/registration' })
  },

  onSearch() {
    openPage('/packages/catalog/search/search')
  },
  async onScan() {
    const scanned = await wx.scanCode({}).catch(({ errMsg = '' }) => {
      if (!errMsg.includes('cancel')) this.tell(texts.home.noScan)
    })
    if (!scanned) return
    const { path = '', result = '' } = scanned as { path?: string; result?: string }
    const code = codeIn(path || result)
    if (code) openPage(`/pages/scene/scene?code=${encodeURIComponent(code)}`)
    else this.tell(common.sceneUnknown)
  },
  tell(content: string) {
    void wx.showModal({ content, showCancel: false, confirmText: common.understood })
  },
  onEntry({ currentTarget }: WechatMiniprogram.TouchEvent) {
    const { tab, url } = entries[currentTarget.dataset.index]
    if (tab) void wx.switchTab({ url: tab })
    else openPage(url)
  },
  onHospital({ currentTarget }: WechatMiniprogram.CustomEvent) {
    openPage(`/packages/catalog/hospital/hospital?id=${currentTarget.dataset.id}`)
  },
  onShareAppMessage() {
    return { title: say.shareApp, path: '/pages/home/home' }
  },
})
