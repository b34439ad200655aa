// Corrects the misspelt name or the replaced document of a patient (`?id=`), once the authority confirms it.
import { api, type Schemas } from '../../../api/client'
import { requireLogin } from '../../../api/login'
import * as correction from '../../../parts/correction'
import { chooseDocumentType } from '../../../parts/document-type'
import { form, isPlaced } from '../../../parts/form'
import type { DocumentType } from '../../../values/document'
import { retry, shown } from '../../../parts/loading'
import { look } from '../../../parts/look'
import { personOf, type Person } from '../../../parts/person'
import { refused } from '../../../parts/refused'
import { close } from '../../../parts/way-back'
import { texts } from '../../../texts/account'

type What = correction.Correction['what']

const whats = Object.entries(texts.corrections).map(([value, text]) => ({ value, text }))
/** The field that a refusal is about, by what is corrected. */
const places: Record<What, Record<string, string>> = {
  name: { 'person-name-invalid': 'name', 'identity-not-verified': 'name' },
  document: {
    'document-number-invalid': 'documentNumber',
    'birth-details-contradict': 'documentNumber',
    'birth-certificate-too-old': 'documentNumber',
    'document-of-another-person': 'documentNumber',
    'identity-not-verified': 'documentNumber',
  },
}

Page({
  behaviors: [look, form],
  data: {
    t: texts,
    whats,
    state: 'loading' as const,
    problem: null,
    person: null as Person | null,
    what: 'name' as What,
    name: '',
    documentType: 'resident_id' as DocumentType,
    documentNumber: '',
    wrong: {} as correction.Wrong,
    isBusy: false,
  },
  id: '',
  patient: null as Schemas['PatientOut'] | null,

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

  async load(): Promise<void | 'empty'> {
    const { items } = await api.get('/api/v1/patients')
    const patient = items.find(({ id }) => id === this.id)
    if (!patient) return 'empty' as const
    this.setData({ person: personOf(patient, items) })
    if (!this.patient) this.setData({ name: patient.name, documentType: patient.document_type })
    this.patient = patient
    return undefined
  },

  async onDocumentType() {
    const documentType = await chooseDocumentType()
    if (documentType) this.setData({ documentType, 'wrong.documentNumber': '' })
  },

  async onCorrect() {
    const { patient, data } = this
    if (!patient || data.isBusy) return
    const wrong = correction.findWrong(data, patient)
    this.setData({ wrong })
    if (Object.keys(wrong).length) return
    this.setData({ isBusy: true })
    try {
      const path = { patient_id: this.id }
      await api.post('/api/v1/patients/{patient_id}/correction', { path, body: correction.bodyOf(data) })
      void wx.showToast({ title: texts.corrected })
      close(this)
    } catch (error) {
      if (!isPlaced(this, error, places[data.what])) await refused(error)
    } finally {
      this.setData({ isBusy: false })
    }
  },
})
