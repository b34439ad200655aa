// Registration by hospital and department; the hospital chosen last is remembered.
import { api } from '../../api/client'
import { type Group, groupsOf, type Leaf, matching } from '../../parts/departments'
import { type HospitalItem, hospitalItem } from '../../parts/hospitals'
import { type Problem, retry, shown, type State } from '../../parts/loading'
import { look } from '../../parts/look'
import { chooseHospital, type ChosenHospital, chosenHospital } from '../../parts/remembered'
import { Refusal } from '../../api/refusal'
import { texts } from '../../texts/catalog'
import { openPage } from '../../parts/open'

Page({
  behaviors: [look],
  data: {
    t: texts.registration,
    state: 'loading' as State,
    problem: null as Problem | null,
    hospital: null as ChosenHospital | null,
    hospitals: [] as HospitalItem[],
    more: '' as '' | 'loading' | 'failed' | 'end',
    groups: [] as Group[],
    words: '',
    found: [] as Leaf[],
  },

  cursor: null as string | null,

  /** Another page may have chosen a hospital meanwhile. */
  onShow() {
    const chosen = chosenHospital()
    if (this.data.state !== 'loading' && chosen?.id === this.data.hospital?.id) return
    if (chosen) this.openHospital(chosen)
    else this.chooseAgain()
  },
  onRetry() {
    void retry(this)
  },
  async onPullDownRefresh() {
    await retry(this)
    wx.stopPullDownRefresh()
  },

  openHospital(hospital: ChosenHospital) {
    this.setData({ hospital, groups: [], words: '', found: [], state: 'loading' })
    void shown(this, () => this.loadDepartments(hospital))
  },
  async loadDepartments(hospital: ChosenHospital) {
    const path = { hospital_id: hospital.id }
    try {
      const { items } = await api.get('/api/v1/hospitals/{hospital_id}/departments', { path })
      if (hospital.id !== this.data.hospital?.id) return
      this.setData({ groups: groupsOf(items) })
      return items.length ? undefined : ('empty' as const)
    } catch (error) {
      // The hospital that this phone remembers is no longer here.
      if (!(error instanceof Refusal) || error.code !== 'not-found') throw error
      this.setData({ hospital: null })
      return this.loadHospitals()
    }
  },

  chooseAgain() {
    this.setData({ hospital: null, words: '', found: [], state: 'loading' })
    void shown(this, () => this.loadHospitals())
  },
  onChange() {
    this.chooseAgain()
  },
  async loadHospitals() {
    const page = await api.get('/api/v1/hospitals')
    this.cursor = page.next_cursor ?? null
    const hospitals = page.items.map(hospitalItem)
    this.setData({ hospitals, more: this.cursor ? '' : 'end' })
    return hospitals.length ? undefined : ('empty' as const)
  },
  onReachBottom() {
    const { hospital, state, more } = this.data
    if (!hospital && state === 'ready' && more === '') void this.loadMore()
  },
  onMore() {
    void this.loadMore()
  },
  async loadMore() {
    this.setData({ more: 'loading' })
    try {
      const page = await api.get('/api/v1/hospitals', { query: { cursor: this.cursor } })
      this.cursor = page.next_cursor ?? null
      const hospitals = [...this.data.hospitals, ...page.items.map(hospitalItem)]
      this.setData({ hospitals, more: this.cursor ? '' : 'end' })
    } catch {
      this.setData({ more: 'failed' })
    }
  },
  onHospital({ currentTarget }: WechatMiniprogram.CustomEvent) {
    const { id, name } = currentTarget.dataset
    chooseHospital({ id, name })
    this.openHospital({ id, name })
  },
  onAbout() {
    openPage(`/packages/catalog/hospital/hospital?id=${this.data.hospital?.id ?? ''}`)
  },

  onWords({ detail }: WechatMiniprogram.CustomEvent<{ value: string }>) {
    this.setData({ words: detail.value, found: matching(this.data.groups, detail.value) })
  },
  onClear() {
    this.setData({ words: '', found: [] })
  },
  onSearchAll() {
    const words = encodeURIComponent(this.data.words.trim())
    openPage(`/packages/catalog/search/search?q=${words}`)
  },
  onDepartment({ detail }: WechatMiniprogram.CustomEvent<{ id: string }>) {
    this.openDepartment(detail.id)
  },
  onFound({ currentTarget }: WechatMiniprogram.CustomEvent) {
    this.openDepartment(currentTarget.dataset.id)
  },
  openDepartment(id: string) {
    const query = `id=${id}&hospital=${this.data.hospital?.id ?? ''}`
    openPage(`/packages/catalog/department/department?${query}`)
  },
})
