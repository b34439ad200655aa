// The form of a new patient: what it asks for, what is wrong, what is sent.
import { expect, test } from 'vitest'
import { asksForBirth, bodyOf, findWrong, needsOf, type NewPatient } from '../src/parts/new-patient'

const today = '2026-11-23'
const grownUp: NewPatient = {
  name: '张三',
  documentType: 'resident_id',
  documentNumber: '11010519491231002X',
  birthDigits: '',
  sex: '',
  phone: '13800138000',
  relation: 'self',
  guardian: '',
}
const child: NewPatient = {
  ...grownUp,
  name: '张小宝',
  documentType: 'birth_certificate',
  documentNumber: 'T123456789',
  birthDigits: '20250301',
  sex: 'male',
  relation: 'child',
  guardian: 'g1',
}

test('a grown-up with a resident number needs nothing more', () => {
  expect(findWrong(grownUp, today)).toEqual({})
  expect(asksForBirth('resident_id', '')).toBe(false)
  expect(needsOf(grownUp, today)).toEqual({ guardian: false, childConsent: false })
  expect(bodyOf(grownUp, [], today)).toEqual({
    name: '张三',
    document_type: 'resident_id',
    document_number: '11010519491231002X',
    birth_date: null,
    sex: null,
    phone: '13800138000',
    relation: 'self',
    guardian_patient_id: null,
    consents: [],
  })
})

test('an empty form says at each field what is missing', () => {
  const empty = { ...grownUp, name: '', documentNumber: '', phone: '', relation: '' as const }
  expect(Object.keys(findWrong(empty, today)).sort()).toEqual(['documentNumber', 'name', 'phone', 'relation'])
})

test('a child needs a guardian, and under fourteen a consent', () => {
  expect(needsOf(child, today)).toEqual({ guardian: true, childConsent: true })
  expect(needsOf({ ...child, birthDigits: '20110301' }, today)).toEqual({
    guardian: true,
    childConsent: false,
  })
  expect(Object.keys(findWrong({ ...child, guardian: '' }, today))).toEqual(['guardian'])
  expect(bodyOf(child, [], today)).toMatchObject({
    birth_date: '2025-03-01',
    sex: 'male',
    guardian_patient_id: 'g1',
  })
})

test('a document without birth date asks for birth date and sex', () => {
  const wrong = findWrong({ ...child, birthDigits: '20251301', sex: '' }, today)
  expect(Object.keys(wrong).sort()).toEqual(['birthDigits', 'sex'])
  expect(Object.keys(findWrong({ ...child, birthDigits: '20270101' }, today))).toEqual(['birthDigits'])
})

test('a guardian chosen before the date changed is not sent for a grown-up', () => {
  expect(bodyOf({ ...grownUp, guardian: 'g1' }, [], today).guardian_patient_id).toBeNull()
})
