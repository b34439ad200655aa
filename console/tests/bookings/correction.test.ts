import { expect, test } from 'vitest'
import { asksBirth, correctionOf, unchanged } from '@/areas/bookings/correction'

const known = { document_type: 'passport', birth_date: '1990-01-01', sex: 'female' } as const
const seen = { evidence: 'passport', reason: ' 护照已更换 ' } as const
const proven = { evidence: 'passport', reason: '护照已更换' }

test('nothing is sent while no value changes, no paper was seen or no reason is given', () => {
  const typed = unchanged(known)

  expect(correctionOf({ ...typed, ...seen }, known)).toBeNull()
  expect(correctionOf({ ...typed, name: '张三', reason: seen.reason }, known)).toBeNull()
  expect(correctionOf({ ...typed, name: '张三', ...seen, reason: '错' }, known)).toBeNull()
})

test('only what becomes another value is sent', () => {
  const typed = { ...unchanged(known), ...seen }

  expect(correctionOf({ ...typed, name: ' 张三 ' }, known)).toEqual({ ...proven, name: '张三' })
  expect(correctionOf({ ...typed, number: 'E12345678' }, known)).toEqual({
    ...proven,
    document_type: 'passport',
    document_number: 'E12345678',
  })
  expect(correctionOf({ ...typed, birthDate: '1990-01-11' }, known)).toEqual({
    ...proven,
    birth_date: '1990-01-11',
  })
})

test('another kind of document needs its number, and a resident number says birth date and sex itself', () => {
  const typed = { ...unchanged(known), ...seen, type: 'resident_id', sex: 'male' } as const

  expect(asksBirth(typed)).toBe(false)
  expect(correctionOf({ ...typed, name: '张三' }, known)).toBeNull()
  expect(correctionOf({ ...typed, number: '11010119900307803X' }, known)).toEqual({
    ...proven,
    document_type: 'resident_id',
    document_number: '11010119900307803X',
  })
})
