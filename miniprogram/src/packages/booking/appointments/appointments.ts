// 我的预约: what lies ahead, or everything, page by page.
import { api } from '../../../api/client'
import { serverNow } from '../../../api/clock'
import { requireLogin } from '../../../api/login'
import { retry, shown, type Problem, type State } from '../../../parts/loading'
import { look } from '../../../parts/look'
import { texts } from '../../../texts/booking'
import * as go from '../parts/go'
import { Roll } from '../parts/roll'
import { cardOf, type Appointment, type Card } from '../parts/standing'

const t = texts.appointments
type Tab = 'upcoming' | 'all'

Page({
  behaviors: [look],
  data: {
    t,
    tabs: [
      { id: 'upcoming', name: t.upcoming },
      { id: 'all', name: t.all },
    ],
    tab: 'upcoming' as Tab,
    state: 'loading' as State,
    problem: null as Problem | null,
    cards: [] as Card[],
    hasMore: false,
    more: '' as '' | 'loading' | 'failed',
  },
  roll: null as Roll<Appointment> | null,

  onLoad() {
    this.roll = this.newRoll('upcoming')
  },
  async onShow() {
    if (await requireLogin(this)) await shown(this, () => this.load())
  },
  async onPullDownRefresh() {
    await shown(this, () => this.load())
    void wx.stopPullDownRefresh()
  },
  onRetry() {
    void retry(this)
  },

  newRoll(tab: Tab) {
    const upcoming = tab === 'upcoming' ? { upcoming: true } : {}
    return new Roll<Appointment>((cursor) =>
      api.get('/api/v1/appointments', { query: { ...upcoming, cursor } }),
    )
  },
  async load() {
    const roll = this.roll
    await roll?.restart()
    if (roll !== this.roll) return undefined
    this.showCards()
    return this.data.cards.length ? undefined : ('empty' as const)
  },
  showCards() {
    const now = serverNow()
    const { items = [], hasMore = false } = this.roll ?? {}
    this.setData({ cards: items.map((one) => cardOf(one, now)), hasMore, more: '' })
  },
  onTab({ detail }: WechatMiniprogram.CustomEvent<{ value: Tab }>) {
    const tab = detail.value
    if (tab === this.data.tab) return
    this.roll = this.newRoll(tab)
    this.setData({ tab, cards: [], state: 'loading' })
    void shown(this, () => this.load())
  },
  async onReachBottom() {
    if (!this.data.hasMore || this.data.more === 'loading') return
    this.setData({ more: 'loading' })
    await this.roll?.more().then(
      () => this.showCards(),
      () => this.setData({ more: 'failed' }),
    )
  },

  onOpen({ detail }: WechatMiniprogram.CustomEvent<{ id: string }>) {
    go.open('appointment', { id: detail.id })
  },
  onAct({ detail }: WechatMiniprogram.CustomEvent<{ id: string; act: Card['act'] }>) {
    if (detail.act === 'pay') go.open('payment', { appointment: detail.id })
    else go.open('appointment', { id: detail.id })
  },
  onBook() {
    go.registration()
  },
})
