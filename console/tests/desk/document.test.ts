import { expect, test } from 'vitest'
import vectors from '../../../tests/values.json'
import { isMobile, mobile } from '@/parts/values'
import { ageOn, isPhone, isResidentNumber, readNumber, written } from '@/areas/desk/document'

test('a number tells birth date and sex when every sign is right', () => {
  expect(readNumber('11010119900307803X')).toEqual({ birthDate: '1990-03-07', sex: 'male' })
  expect(readNumber('１１０１０１１９９００３０７８０３x ')).toEqual({ birthDate: '1990-03-07', sex: 'male' })
})

test('a number says what is wrong with it', () => {
  expect(readNumber('1101011990030780')).toBe('short')
  expect(readNumber('110101199002307803')).toBe('birth')
  expect(readNumber('110101199003078031')).toBe('checksum')
})

test('a phone is no document', () => {
  expect([isPhone('138 1234 8000'), isPhone('12345678901')]).toEqual([true, false])
  expect([isResidentNumber('13812348000'), isResidentNumber('110101199003')]).toEqual([false, true])
  expect(written(' a1 ')).toBe('A1')
})

test('a birthday counts from its own day on', () => {
  expect([ageOn('1966-11-24', '2026-11-23'), ageOn('1966-11-24', '2026-11-24')]).toEqual([59, 60])
})

test.each(vectors.phones)('the phone $typed is read as the server reads it', ({ typed, form }) => {
  expect(isMobile(typed)).toBe(form !== null)
  if (form !== null) expect(mobile(typed)).toBe(form)
})

test.each(vectors.documents.filter(({ type, form }) => type === 'resident_id' && form !== null))(
  'the resident number $typed is read as the server reads it',
  ({ typed }) => {
    expect(readNumber(typed)).toHaveProperty('birthDate')
  },
)
