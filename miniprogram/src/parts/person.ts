// A patient in the words of a card.
import type { Schemas } from '../api/client'
import { serverNow } from '../api/clock'
import { texts } from '../texts/account'
import { dateOf } from './format'
import { ageOn, type Holder } from '../values/document'

type Patient = Schemas['PatientOut']
export interface Person {
  id: string
  name: string
  relation: string
  /** 1990年3月7日出生 · 女 · 36 岁 */
  holder: string
  /** 居民身份证 110***********803X */
  document: string
  phone: string
  guardian: string
  isVerified: boolean
}

export function holderText({ birthDate, sex }: Holder): string {
  const [year, month, day] = birthDate.split('-').map(Number)
  const age = ageOn(dateOf(serverNow()), birthDate)
  return texts.holderText(texts.birthText(year, month, day), texts.sexes[sex], texts.years(age))
}

/** `all` are the patients of the account, among them the guardian. */
export function personOf(patient: Patient, all: Patient[]): Person {
  const guardian = all.find(({ id }) => id === patient.guardian_patient_id)
  return {
    id: patient.id,
    name: patient.name,
    relation: texts.relations[patient.relation],
    holder: holderText({ birthDate: patient.birth_date, sex: patient.sex }),
    document: `${texts.documents[patient.document_type]} ${patient.document_number}`,
    phone: patient.phone ?? '',
    guardian: guardian ? texts.guardianIs(guardian.name) : '',
    isVerified: patient.verified,
  }
}
