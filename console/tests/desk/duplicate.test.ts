// A report of two people who have one document, in words.
import { expect, test } from 'vitest'
import { isNote, personText } from '@/areas/desk/duplicate'

const person = {
  person_id: 'p1',
  patient_id: null,
  appointment_id: 'a1',
  name: '王*国',
  phone: null as string | null,
  document_type: 'hk_macao_permit' as const,
  document_number: 'H*******1',
  birth_date: '1980-05-06',
  sex: 'male' as const,
}

test('a person is told apart by what is known, and a phone only where there is one', () => {
  expect(personText(person)).toBe('王*国，男，1980-05-06 出生，港澳居民来往内地通行证 H*******1')
  expect(personText({ ...person, phone: '138****8000' })).toMatch(/，138\*\*\*\*8000$/)
})

test('what came of it takes four signs', () => {
  expect([isNote('  同一人 '), isNote('是同一人')]).toEqual([false, true])
})
