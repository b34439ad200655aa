// Identity documents checked while they are typed, as the server checks them.
import { expect, test } from 'vitest'
import { ageOn, dateOfDigits, readNumber, type DocumentType } from '../../src/values/document'
import vectors from '../../../tests/values.json'

test('a resident number says birth date and sex', () => {
  expect(readNumber('resident_id', '11010519491231002x')).toEqual({
    number: '11010519491231002X',
    fault: null,
    holder: { birthDate: '1949-12-31', sex: 'female' },
  })
})

test('full-width signs and spaces are made plain', () => {
  expect(readNumber('resident_id', '１１０１０５ 19491231 002Ｘ').fault).toBeNull()
})

test.each([
  ['1101051949123100', 'shape'],
  ['11010519491231002Y', 'shape'],
  ['19010519491231002X', 'region'],
  ['11010519490231002X', 'birth'],
  ['110105194912310021', 'checksum'],
])('%s is refused for its %s', (number, fault) => {
  expect(readNumber('resident_id', number)).toMatchObject({ fault, holder: null })
})

test.each([
  ['passport', 'E12345678', null],
  ['passport', 'ABCDEFGH', 'shape'],
  ['hk_macao_permit', 'h12345678', null],
  ['hk_macao_permit', 'H123456789', 'shape'],
  ['taiwan_permit', '12345678', null],
  ['taiwan_permit', '1234567890A', null],
  ['foreign_permanent_residence', 'ABC123456789012', null],
  ['birth_certificate', 'T123456789', null],
  ['birth_certificate', '123456789', 'shape'],
] as const)('%s %s: %s', (type, number, fault) => {
  expect(readNumber(type, number)).toMatchObject({ fault, holder: null })
})

test('a day that is none is no birth date', () => {
  expect(dateOfDigits('20240229')).toBe('2024-02-29')
  expect(dateOfDigits('20230229')).toBeNull()
  expect(dateOfDigits('2023022')).toBeNull()
})

test('a year of age is full on the birthday', () => {
  expect(ageOn('2026-11-22', '2008-11-23')).toBe(17)
  expect(ageOn('2026-11-23', '2008-11-23')).toBe(18)
})

test.each(vectors.documents)('the number $typed is read as the server reads it', ({ type, typed, form }) => {
  const read = readNumber(type as DocumentType, typed)
  expect(read.fault === null).toBe(form !== null)
  if (form !== null) expect(read.number).toBe(form)
})
