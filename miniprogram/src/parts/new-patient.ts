// The form of a new patient: what is wrong with it, what it needs, and what is sent.
import type { Schemas } from '../api/client'
import { texts } from '../texts/account'
import {
  ageOn,
  dateOfDigits,
  readNumber,
  type DocumentType,
  type Holder,
  type Reading,
  type Sex,
} from '../values/document'
import { isName } from '../values/typed'
import { phoneFault } from './credentials'
import { faults } from './faults'

export interface NewPatient {
  name: string
  documentType: DocumentType
  documentNumber: string
  /** Digits as typed, 19900307; only where the number does not carry it. */
  birthDigits: string
  sex: Sex | ''
  phone: string
  relation: Schemas['Relation'] | ''
  guardian: string
}
export type Wrong = Partial<Record<keyof NewPatient, string>>

/** Age from which no guardian is needed, and from which a person consents for themself. */
const [grownUp, ownConsent] = [18, 14]

export function isGrownUp(birthDate: string, today: string): boolean {
  return ageOn(today, birthDate) >= grownUp
}

/** A child's guardian agrees for the child, besides agreeing for the account. */
export function isChild(birthDate: string, today: string): boolean {
  return ageOn(today, birthDate) < ownConsent
}

/** Whether this kind of document leaves birth date and sex to be asked for. */
export function asksForBirth(type: DocumentType, number: string): boolean {
  return type !== 'resident_id' && readNumber(type, number).number.length !== 18
}

/** Who the document belongs to, as far as the form says. */
export function holderOf(form: NewPatient): Holder | null {
  if (!asksForBirth(form.documentType, form.documentNumber)) {
    return readNumber(form.documentType, form.documentNumber).holder
  }
  const birthDate = dateOfDigits(form.birthDigits)
  return birthDate && form.sex ? { birthDate, sex: form.sex } : null
}

export interface Needs {
  guardian: boolean
  childConsent: boolean
}

export function needsOf(form: NewPatient, today: string): Needs {
  const birthDate = holderOf(form)?.birthDate ?? dateOfDigits(form.birthDigits)
  if (!birthDate || birthDate > today) return { guardian: false, childConsent: false }
  const age = ageOn(today, birthDate)
  return { guardian: age < grownUp, childConsent: age < ownConsent }
}

export function numberWrong(type: DocumentType, { fault }: Reading): string {
  if (!fault) return ''
  return fault === 'shape' ? texts.numberShapes[type] : texts.numberFaults[fault]
}

function birthWrong(form: NewPatient, today: string): Record<string, string> {
  if (!asksForBirth(form.documentType, form.documentNumber)) return {}
  const birthDate = dateOfDigits(form.birthDigits)
  const inFuture = birthDate !== null && birthDate > today
  const birthDigits = birthDate === null ? texts.birthDateWrong : inFuture ? texts.birthInFuture : ''
  return { birthDigits, sex: form.sex ? '' : texts.sexMissing }
}

/** What is wrong, by field; empty when it may be sent. */
export function findWrong(form: NewPatient, today: string): Wrong {
  return faults({
    name: isName(form.name) ? '' : texts.nameWrong,
    documentNumber: numberWrong(form.documentType, readNumber(form.documentType, form.documentNumber)),
    ...birthWrong(form, today),
    phone: phoneFault(form.phone),
    relation: form.relation ? '' : texts.relationMissing,
    guardian: needsOf(form, today).guardian && !form.guardian ? texts.guardianMissing : '',
  })
}

/** The body to send, once nothing is wrong. */
export function bodyOf(
  form: NewPatient,
  consents: Schemas['AcceptedIn'][],
  today: string,
): Schemas['PatientIn'] {
  const asked = asksForBirth(form.documentType, form.documentNumber)
  return {
    name: form.name.trim(),
    document_type: form.documentType,
    document_number: readNumber(form.documentType, form.documentNumber).number,
    birth_date: asked ? dateOfDigits(form.birthDigits) : null,
    sex: asked ? form.sex || null : null,
    phone: form.phone,
    relation: form.relation || 'other',
    guardian_patient_id: needsOf(form, today).guardian ? form.guardian : null,
    consents,
  }
}
