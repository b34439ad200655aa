// Finds hospitals, departments, doctors, and the department for what hurts.
import { decoded } from '../../../parts/decoded'
import { api } from '../../../api/client'
import { type Problem, retry, shown, type State } from '../../../parts/loading'
import { look } from '../../../parts/look'
import { forgetSearches, recentSearches, rememberSearch } from '../../../parts/remembered'
import { say, texts } from '../../../texts/catalog'
import { type FoundGroup, groupsOf, type Hit } from '../parts/found'
import { openPage } from '../../../parts/open'

/** Long enough to finish a syllable, short enough to feel live. */
const pauseMs = 300

Page({
  behaviors: [look],
  data: {
    t: texts.search,
    state: 'loading' as State,
    problem: null as Problem | null,
    words: '',
    /** the words of the results shown; empty before the first search */
    searched: '',
    nothing: '',
    focus: true,
    recent: [] as { words: string; label: string }[],
    groups: [] as FoundGroup[],
    more: '' as '' | 'loading' | 'failed' | 'end',
  },

  hits: [] as Hit[],
  cursor: null as string | null,
  timer: 0,

  onLoad({ q = '' }: { q?: string }) {
    this.showRecent(recentSearches())
    if (q) {
      this.setData({ words: decoded(q), focus: false })
      this.search()
    }
  },
  onUnload() {
    clearTimeout(this.timer)
  },
  onRetry() {
    void retry(this)
  },

  onInput({ detail }: WechatMiniprogram.CustomEvent<{ value: string }>) {
    this.setData({ words: detail.value })
    clearTimeout(this.timer)
    this.timer = setTimeout(() => this.search(), pauseMs)
  },
  onConfirm() {
    clearTimeout(this.timer)
    this.search()
    this.remember()
  },
  onClear() {
    clearTimeout(this.timer)
    this.setData({ words: '', searched: '', focus: true })
  },
  onRecent({ currentTarget }: WechatMiniprogram.TouchEvent) {
    this.setData({ words: currentTarget.dataset.words, focus: false })
    this.onConfirm()
  },
  onForget() {
    forgetSearches()
    this.showRecent([])
  },

  /** Searches for the words as they stand; the same words are not asked for twice in a row. */
  search() {
    const words = this.data.words.trim()
    if (words === this.data.searched && this.data.state !== 'error' && this.data.state !== 'offline') return
    this.setData({ searched: words, more: '' })
    if (words) void shown(this, () => this.load(words))
  },
  async load(words: string) {
    const { items, next_cursor } = await api.get('/api/v1/search', { query: { q: words } })
    if (words !== this.data.searched) return
    this.hits = items
    this.cursor = next_cursor ?? null
    this.setData({
      groups: groupsOf(items),
      nothing: items.length ? '' : say.nothingFound(words),
      more: this.cursor ? '' : 'end',
    })
    return items.length ? undefined : ('empty' as const)
  },

  onReachBottom() {
    if (this.data.state === 'ready' && this.data.more === '' && this.data.searched) void this.loadMore()
  },
  onMore() {
    void this.loadMore()
  },
  async loadMore() {
    const { searched } = this.data
    this.setData({ more: 'loading' })
    try {
      const page = await api.get('/api/v1/search', { query: { q: searched, cursor: this.cursor } })
      if (searched !== this.data.searched) return
      this.hits = [...this.hits, ...page.items]
      this.cursor = page.next_cursor ?? null
      this.setData({ groups: groupsOf(this.hits), more: this.cursor ? '' : 'end' })
    } catch {
      if (searched === this.data.searched) this.setData({ more: 'failed' })
    }
  },

  onFound({ currentTarget }: WechatMiniprogram.CustomEvent) {
    this.remember()
    openPage(currentTarget.dataset.url)
  },
  onDepartments() {
    void wx.switchTab({ url: '/pages/registration/registration' })
  },
  remember() {
    const words = this.data.words.trim()
    if (words) this.showRecent(rememberSearch(words))
  },
  showRecent(recent: string[]) {
    this.setData({ recent: recent.map((words) => ({ words, label: say.searchAgain(words) })) })
  },
})
