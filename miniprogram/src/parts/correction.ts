// The form of a correction: the name or the document of one's own patient, under the same birth date and sex.
import type { Schemas } from '../api/client'
import { texts } from '../texts/account'
import { faults } from './faults'
import { readNumber, type DocumentType } from '../values/document'
import { numberWrong } from './new-patient'
import { isName } from '../values/typed'

type Patient = Schemas['PatientOut']

export interface Correction {
  what: 'name' | 'document'
  name: string
  documentType: DocumentType
  documentNumber: string
}
export type Wrong = Partial<Record<'name' | 'documentNumber', string>>

function nameFault(name: string, patient: Patient): string {
  if (!isName(name)) return texts.nameWrong
  return name.trim() === patient.name ? texts.nameSame : ''
}

/** The authority's word is not enough where the number tells of another birth date or sex. */
function numberFault({ documentType, documentNumber }: Correction, patient: Patient): string {
  const reading = readNumber(documentType, documentNumber)
  const { holder } = reading
  const isOther = holder !== null && (holder.birthDate !== patient.birth_date || holder.sex !== patient.sex)
  return numberWrong(documentType, reading) || (isOther ? texts.birthDiffers : '')
}

/** What is wrong, by field; empty when it may be sent. */
export function findWrong(form: Correction, patient: Patient): Wrong {
  return faults(
    form.what === 'name'
      ? { name: nameFault(form.name, patient) }
      : { documentNumber: numberFault(form, patient) },
  )
}

/** The body to send, once nothing is wrong: only what shall become another value. */
export function bodyOf(form: Correction): Schemas['OwnCorrectionIn'] {
  if (form.what === 'name') return { name: form.name.trim() }
  const { number } = readNumber(form.documentType, form.documentNumber)
  return { document_type: form.documentType, document_number: number }
}
