// Gives a minor (`?id=`) another guardian, who for a child agrees anew.
import { api } from '../../../api/client'
import { serverNow } from '../../../api/clock'
import { requireLogin } from '../../../api/login'
import { consentTexts, type Kind, type Text } from '../../../parts/consents'
import { form, isPlaced } from '../../../parts/form'
import { dateOf } from '../../../parts/format'
import { guardianChoices } from '../../../parts/guardian'
import { retry, shown } from '../../../parts/loading'
import { look } from '../../../parts/look'
import { isChild } from '../../../parts/new-patient'
import { openPage } from '../../../parts/open'
import { personOf, type Person } from '../../../parts/person'
import { refused } from '../../../parts/refused'
import { close } from '../../../parts/way-back'
import { texts } from '../../../texts/account'

const places = {
  'guardian-unsuitable': 'guardian',
  'consent-required': 'consent',
  'consent-version-outdated': 'consent',
}

Page({
  behaviors: [look, form],
  data: {
    t: texts,
    state: 'loading' as const,
    problem: null,
    person: null as Person | null,
    guardians: [] as { value: string; text: string }[],
    guardian: '',
    agreements: [] as Text[],
    ticked: [] as Kind[],
    wrong: {} as { guardian?: string; consent?: string },
    isBusy: false,
  },
  id: '',

  onLoad({ id = '' }: { id?: string }) {
    this.id = id
  },
  async onShow() {
    if (await requireLogin(this)) await shown(this, () => this.load())
  },
  onRetry() {
    void retry(this)
  },
  onPatients() {
    void wx.redirectTo({ url: '/packages/account/patients/patients' })
  },
  onAddGuardian() {
    openPage('/packages/account/patient/patient')
  },

  async load(): Promise<void | 'empty'> {
    const [all, { items }] = await Promise.all([consentTexts(), api.get('/api/v1/patients')])
    const patient = items.find(({ id }) => id === this.id)
    if (!patient) return 'empty' as const
    const today = dateOf(serverNow())
    const others = items.filter(({ id }) => id !== patient.guardian_patient_id)
    const guardians = guardianChoices(others, today)
    const isOwed = isChild(patient.birth_date, today)
    this.setData({
      person: personOf(patient, items),
      guardians,
      guardian: guardians.length === 1 ? guardians[0].value : this.data.guardian,
      agreements: all.filter(({ kind }) => kind === 'child_sensitive' && isOwed),
    })
    return undefined
  },

  onTicks({ detail }: WechatMiniprogram.CustomEvent<{ kinds: Kind[] }>) {
    this.setData({ ticked: detail.kinds, 'wrong.consent': '' })
  },

  findWrong() {
    const { guardian, agreements, ticked } = this.data
    const wrong: { guardian?: string; consent?: string } = {}
    if (!guardian) wrong.guardian = texts.guardianMissing
    if (!agreements.every(({ kind }) => ticked.includes(kind))) wrong.consent = texts.agreeFirst
    return wrong
  },

  async onReplace() {
    const wrong = this.findWrong()
    this.setData({ wrong })
    if (this.data.isBusy || Object.keys(wrong).length) return
    const { guardian, agreements } = this.data
    const consents = agreements.map(({ kind, version }) => ({ kind, version }))
    this.setData({ isBusy: true })
    try {
      const body = { guardian_patient_id: guardian, consents }
      await api.post('/api/v1/patients/{patient_id}/guardian', { path: { patient_id: this.id }, body })
      void wx.showToast({ title: texts.guardianReplaced })
      close(this)
    } catch (error) {
      if (!isPlaced(this, error, places)) await refused(error)
    } finally {
      this.setData({ isBusy: false })
    }
  },
})
