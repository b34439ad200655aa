// The texts: reading them, which were agreed to and when, withdrawing and giving again.
import { api, type Schemas } from '../../../api/client'
import { account } from '../../../api/login'
import { consentTexts, openText, standing, type Given, type Kind, type Text } from '../../../parts/consents'
import { dateOf, dayText } from '../../../parts/format'
import { retry, shown } from '../../../parts/loading'
import { look } from '../../../parts/look'
import { isChild } from '../../../parts/new-patient'
import { refused } from '../../../parts/refused'
import { serverNow } from '../../../api/clock'
import { texts } from '../../../texts/account'

type Patient = Schemas['PatientOut']
interface Row {
  key: string
  kind: Kind
  title: string
  note: string
  version: number
  patientId: string | null
  consentId: string
  /** May be agreed to here. */
  isWanted: boolean
}

Page({
  behaviors: [look],
  data: { t: texts, state: 'loading' as const, problem: null, isMine: false, rows: [] as Row[] },

  onShow() {
    void shown(this, () => this.load())
  },

  async load() {
    const [all, who] = await Promise.all([consentTexts(), account()])
    const [given, patients] = who ? await Promise.all([readConsents(), readPatients()]) : [[], []]
    const children = patients.filter((one) => isChild(one.birth_date, dateOf(serverNow())))
    const rows = all.flatMap((text) =>
      text.kind !== 'child_sensitive' || !children.length
        ? [rowOf(text, given, null)]
        : children.map((child) => rowOf(text, given, child)),
    )
    this.setData({ isMine: who !== null, rows })
  },

  onRetry() {
    void retry(this)
  },

  onRead({ currentTarget }: WechatMiniprogram.TouchEvent) {
    openText(currentTarget.dataset.kind as Kind)
  },

  onContract() {
    wx.openPrivacyContract({ fail: () => openText('privacy') })
  },

  async onWithdraw({ currentTarget }: WechatMiniprogram.TouchEvent) {
    const { id, kind } = currentTarget.dataset as { id: string; kind: Kind }
    const { confirm } = await wx.showModal({
      title: texts.withdraw,
      content: texts.withdrawAsk[kind],
      confirmText: texts.withdrawYes,
      cancelText: texts.withdrawNo,
    })
    if (!confirm) return
    await this.change(() => api.delete('/api/v1/consents/{consent_id}', { path: { consent_id: id } }))
  },

  async onGive({ currentTarget }: WechatMiniprogram.TouchEvent) {
    const row = this.data.rows.find(({ key }) => key === currentTarget.dataset.key)
    if (!row) return
    const { kind, version, patientId } = row
    await this.change(() => api.post('/api/v1/consents', { body: { kind, version, patient_id: patientId } }))
  },

  async change(deed: () => Promise<unknown>) {
    try {
      await deed()
      await shown(this, () => this.load())
    } catch (error) {
      await refused(error)
    }
  },
})

async function readConsents(): Promise<Given[]> {
  return (await api.get('/api/v1/consents')).items
}

async function readPatients(): Promise<Patient[]> {
  return (await api.get('/api/v1/patients')).items
}

function rowOf(text: Text, given: Given[], child: Patient | null): Row {
  const patientId = child ? child.id : null
  const now = standing(given, text, patientId)
  const notes = [
    texts.version(text.version),
    child ? texts.consentFor(child.name) : '',
    now ? texts.consentGiven(dayText(now.given_at)) : texts.consentNone,
  ]
  return {
    key: `${text.kind} ${patientId}`,
    kind: text.kind,
    title: texts.bookTitle(text.title),
    note: notes.filter(Boolean).join(' · '),
    version: text.version,
    patientId,
    consentId: now ? now.id : '',
    isWanted: text.kind !== 'child_sensitive' || child !== null,
  }
}
