// Adds a patient, with the document checked on the spot; or changes and removes one (`?id=`).
import { api, newKey, type Schemas } from '../../../api/client'
import { serverNow } from '../../../api/clock'
import { requireLogin } from '../../../api/login'
import { consentTexts, standing, type Given, type Kind, type Text } from '../../../parts/consents'
import { chooseDocumentType } from '../../../parts/document-type'
import { form, isPlaced } from '../../../parts/form'
import { dateOf } from '../../../parts/format'
import { guardianChoices } from '../../../parts/guardian'
import type { DocumentType, Sex } from '../../../values/document'
import { retry, shown } from '../../../parts/loading'
import { look } from '../../../parts/look'
import * as fresh from '../../../parts/new-patient'
import { holderText, personOf, type Person } from '../../../parts/person'
import { isPhone } from '../../../values/typed'
import { refused, type Step } from '../../../parts/refused'
import { close } from '../../../parts/way-back'
import { texts } from '../../../texts/account'
import { openPage } from '../../../parts/open'

type Relation = Schemas['Relation']

const relations = Object.entries(texts.relations).map(([value, text]) => ({ value, text }))
const sexes = Object.entries(texts.sexes).map(([value, text]) => ({ value, text }))
/** The field that a refusal is about. */
const places = {
  'document-number-invalid': 'documentNumber',
  'identity-not-verified': 'documentNumber',
  'birth-details-contradict': 'documentNumber',
  'birth-certificate-too-old': 'documentNumber',
  'birth-details-required': 'birthDigits',
  'birth-date-invalid': 'birthDigits',
  'person-name-invalid': 'name',
  'self-already-added': 'relation',
  'guardian-unsuitable': 'guardian',
}

const today = () => dateOf(serverNow())

Page({
  behaviors: [look, form],
  data: {
    t: texts,
    relations,
    sexes,
    state: 'loading' as const,
    problem: null,
    /** Set when one is changed, null when one is added. */
    person: null as Person | null,
    isMinor: false,
    name: '',
    documentType: 'resident_id' as DocumentType,
    documentNumber: '',
    birthDigits: '',
    sex: '' as Sex | '',
    phone: '',
    relation: '' as Relation | '',
    guardian: '',
    /** What follows from the form. */
    numberNote: '',
    birthNote: '',
    asksForBirth: false,
    needs: { guardian: false, childConsent: false },
    guardians: [] as { value: string; text: string }[],
    agreements: [] as Text[],
    ticked: [] as Kind[],
    wrong: {} as fresh.Wrong & { consent?: string },
    isBusy: false,
  },
  id: '',
  all: [] as Text[],
  given: [] as Given[],
  /** The key of the last try stays while the form does: a second tap adds nobody twice. */
  once: { body: '', key: '' },

  onLoad({ id = '' }: { id?: string }) {
    this.id = id
    if (!id) wx.setNavigationBarTitle({ title: texts.addPatient })
  },

  async onShow() {
    if (!(await requireLogin(this))) return
    await shown(this, () => this.load())
  },

  onRetry() {
    void retry(this)
  },
  onPatients() {
    void wx.redirectTo({ url: '/packages/account/patients/patients' })
  },

  load(): Promise<void | 'empty'> {
    return this.id ? this.loadOne() : this.loadForm()
  },
  async loadOne() {
    const { items } = await api.get('/api/v1/patients')
    const patient = items.find(({ id }) => id === this.id)
    if (!patient) return 'empty' as const
    const isMinor = !fresh.isGrownUp(patient.birth_date, today())
    this.setData({ person: personOf(patient, items), isMinor })
    if (!this.data.relation) this.setData({ relation: patient.relation })
    return undefined
  },

  async loadForm() {
    const [all, given, patients] = await Promise.all([
      consentTexts(),
      api.get('/api/v1/consents'),
      api.get('/api/v1/patients'),
    ])
    this.all = all
    this.given = given.items
    const hasSelf = patients.items.some(({ relation }) => relation === 'self')
    this.setData({
      guardians: guardianChoices(patients.items, today()),
      relations: relations.filter(({ value }) => value !== 'self' || !hasSelf),
      relation: this.data.relation || (hasSelf ? '' : 'self'),
    })
    this.follow()
  },

  formNow(): fresh.NewPatient {
    const { name, documentType, documentNumber, birthDigits, sex, phone, relation, guardian } = this.data
    return { name, documentType, documentNumber, birthDigits, sex, phone, relation, guardian }
  },

  onField({ currentTarget, detail }: WechatMiniprogram.CustomEvent<{ value: string }>) {
    const field = currentTarget.dataset.field as string
    this.setData({ [field]: detail.value, [`wrong.${field}`]: '' })
    if (!this.id) this.follow()
  },

  /** Shows what follows from the form: who the number says, whether a guardian and which consents are needed. */
  follow() {
    const now = this.formNow()
    const needs = fresh.needsOf(now, today())
    this.setData({ needs, ...notesOf(now) })
    if (now.documentNumber.length >= 18)
      this.onLeave({ currentTarget: { dataset: { field: 'documentNumber' } } })
    this.followConsents(needs.childConsent)
  },

  followConsents(isChild: boolean) {
    const agreements = this.all.filter(
      (text) =>
        (text.kind === 'sensitive_personal_information' && !standing(this.given, text)) ||
        (text.kind === 'child_sensitive' && isChild),
    )
    const kinds = (list: Text[]) => list.map(({ kind }) => kind).join()
    if (kinds(agreements) !== kinds(this.data.agreements)) this.setData({ agreements })
  },

  /** What is wrong is said when a field is left, not while it is typed. */
  onLeave({ currentTarget }: { currentTarget: { dataset: { field?: string } } }) {
    const field = currentTarget.dataset.field as keyof fresh.NewPatient
    if (!this.id && this.data[field])
      this.setData({ [`wrong.${field}`]: fresh.findWrong(this.formNow(), today())[field] ?? '' })
  },

  async onDocumentType() {
    const documentType = await chooseDocumentType()
    if (!documentType) return
    this.setData({ documentType, 'wrong.documentNumber': '' })
    this.follow()
  },

  onTicks({ detail }: WechatMiniprogram.CustomEvent<{ kinds: Kind[] }>) {
    this.setData({ ticked: detail.kinds, 'wrong.consent': '' })
  },

  onAddGuardian() {
    openPage('/packages/account/patient/patient')
  },
  onGuardian() {
    openPage(`/packages/account/guardian/guardian?id=${this.id}`)
  },
  onCorrect() {
    openPage(`/packages/account/correction/correction?id=${this.id}`)
  },

  async onAdd() {
    const now = this.formNow()
    const wrong: fresh.Wrong & { consent?: string } = fresh.findWrong(now, today())
    const { agreements, ticked } = this.data
    if (!agreements.every(({ kind }) => ticked.includes(kind))) wrong.consent = texts.agreeFirst
    this.setData({ wrong })
    if (this.data.isBusy || Object.keys(wrong).length) return
    const consents = agreements.map(({ kind, version }) => ({ kind, version }))
    const body = fresh.bodyOf(now, consents, today())
    await this.send(() => this.add(body), now.relation === 'self' ? this.claiming(body) : {})
  },

  /** Whom strangers have listed takes themself back, when the phone is the one that a hospital wrote down. */
  claiming(body: Schemas['PatientIn']): Record<string, Step> {
    const act = () => void this.send(() => this.claim(body))
    return { 'person-in-too-many-accounts': { text: texts.claim, act } }
  },

  async claim({ relation: _, guardian_patient_id: __, ...body }: Schemas['PatientIn']) {
    await api.post('/api/v1/patients/claims', { body, once: newKey() })
    void wx.showToast({ title: texts.claimed })
    close(this)
  },

  async add(body: Schemas['PatientIn']) {
    const written = JSON.stringify(body)
    if (written !== this.once.body) this.once = { body: written, key: newKey() }
    const added = await api.post('/api/v1/patients', { body, once: this.once.key })
    if (!added.verified) await wx.showModal({ title: '', content: texts.notVerifiedWhy, showCancel: false })
    void wx.showToast({ title: texts.patientAdded })
    close(this)
  },

  async onSave() {
    const { phone, relation } = this.data
    if (phone && !isPhone(phone)) return this.setData({ 'wrong.phone': texts.phoneWrong })
    await this.send(async () => {
      const body = { phone: phone || undefined, relation: relation || undefined }
      await api.patch('/api/v1/patients/{patient_id}', { path: { patient_id: this.id }, body })
      void wx.showToast({ title: texts.saved })
      close(this)
    })
  },

  async onRemove() {
    const { confirm } = await wx.showModal({
      title: texts.remove,
      content: texts.removeAsk(this.data.person?.name ?? ''),
      confirmText: texts.removeYes,
      cancelText: texts.removeNo,
    })
    if (!confirm) return
    await this.send(async () => {
      await api.delete('/api/v1/patients/{patient_id}', { path: { patient_id: this.id } })
      void wx.showToast({ title: texts.removed })
      close(this)
    })
  },

  async send(deed: () => Promise<void>, own: Record<string, Step> = {}) {
    if (this.data.isBusy) return
    this.setData({ isBusy: true })
    try {
      await deed()
    } catch (error) {
      this.setData({ isBusy: false })
      if (!isPlaced(this, error, places)) await refused(error, own)
    } finally {
      this.setData({ isBusy: false })
    }
  },
})

/** What the document says of its holder, or how much of its number is typed. */
function notesOf(now: fresh.NewPatient) {
  const holder = fresh.holderOf(now)
  const read = holder ? holderText(holder) : ''
  if (fresh.asksForBirth(now.documentType, now.documentNumber)) {
    return { asksForBirth: true, numberNote: '', birthNote: read }
  }
  const digits = now.documentNumber.length
  const counted = digits > 0 && digits < 18 ? texts.digitsSoFar(digits) : ''
  return { asksForBirth: false, numberNote: read ? texts.numberReads(read) : counted, birthNote: '' }
}
