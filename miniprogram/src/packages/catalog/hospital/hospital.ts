// A hospital: notices, departments to book, campuses with phone and map, rules in plain words.
import { api, type Schemas } from '../../../api/client'
import { apiBase } from '../../../config'
import { type Group, groupsOf } from '../../../parts/departments'
import { kindText } from '../../../parts/hospitals'
import { unlessGone } from '../../../parts/gone'
import { type Problem, retry, shown, type State } from '../../../parts/loading'
import { look } from '../../../parts/look'
import { chooseHospital } from '../../../parts/remembered'
import { say, texts } from '../../../texts/catalog'
import { openPage } from '../../../parts/open'

/** Rules shown before the patient asks for all: those about booking, paying and cancelling come first. */
const rulesAtFirst = 5

type Campus = Schemas['CampusOut']

Page({
  behaviors: [look],
  data: {
    t: texts.hospital,
    state: 'loading' as State,
    problem: null as Problem | null,
    emptyText: '',
    hospital: {} as Partial<Schemas['HospitalPageOut']>,
    kind: '',
    pictures: [] as string[],
    campuses: [] as (Campus & { callLabel: string; mapLabel: string })[],
    groups: [] as Group[],
    rules: [] as string[],
    rulesFailed: false,
    allRules: false,
    rulesAtFirst,
  },

  id: '',

  onLoad({ id = '' }: { id?: string }) {
    this.id = id
    void shown(this, () => unlessGone(this, () => this.load()))
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
    const path = { hospital_id: this.id }
    const [hospital, departments] = await Promise.all([
      api.get('/api/v1/hospitals/{hospital_id}', { path }),
      api.get('/api/v1/hospitals/{hospital_id}/departments', { path }),
      this.readRules(),
    ])
    wx.setNavigationBarTitle({ title: hospital.name })
    this.setData({
      hospital,
      kind: kindText(hospital),
      pictures: hospital.picture_paths.map((path) => `${apiBase()}/${path}`),
      campuses: hospital.campuses.map((campus) => ({
        ...campus,
        callLabel: say.callNumber(campus.name, campus.phone),
        mapLabel: say.mapOf(campus.name),
      })),
      groups: groupsOf(departments.items),
    })
  },
  /** The page stands without the rules; they can be asked for again. */
  async readRules() {
    this.setData({ rulesFailed: false })
    try {
      const { sentences } = await api.get('/api/v1/hospitals/{hospital_id}/rules', {
        path: { hospital_id: this.id },
      })
      this.setData({ rules: sentences })
    } catch {
      this.setData({ rulesFailed: true })
    }
  },
  onRulesAgain() {
    void this.readRules()
  },
  onAllRules() {
    this.setData({ allRules: !this.data.allRules })
  },

  onDepartment({ detail }: WechatMiniprogram.CustomEvent<{ id: string }>) {
    chooseHospital({ id: this.id, name: this.data.hospital.name ?? '' })
    openPage(`/packages/catalog/department/department?id=${detail.id}&hospital=${this.id}`)
  },
  onCall({ currentTarget }: WechatMiniprogram.TouchEvent) {
    wx.makePhoneCall({ phoneNumber: currentTarget.dataset.phone }).catch(() => undefined)
  },
  onMap({ currentTarget }: WechatMiniprogram.TouchEvent) {
    const { name, address, map_point: point } = this.data.campuses[currentTarget.dataset.index]
    if (!point) return
    const title = say.daysOn(this.data.hospital.name ?? '', name)
    wx.openLocation({ ...point, name: title, address }).catch(() => undefined)
  },
  onShareAppMessage() {
    return {
      title: say.shareHospital(this.data.hospital.name ?? ''),
      path: `/packages/catalog/hospital/hospital?id=${this.id}`,
    }
  },
})
