import { expect, test } from 'vitest'
import { isTellingNumber, readTelling, written } from '@/areas/desk/document'

test('a number tells whose it is when every sign is right', () => {
  expect(readTelling('１１０１０１１９９００３０７８０３x ')).toEqual({
    type: 'resident_id',
    number: '11010119900307803X',
    fault: null,
    holder: { birthDate: '1990-03-07', sex: 'male' },
  })
  expect(readTelling('911124198108030024')).toMatchObject({
    type: 'foreign_permanent_residence',
    holder: { birthDate: '1981-08-03', sex: 'female' },
  })
})

test('a phone is no document', () => {
  expect([isTellingNumber('13812348000'), isTellingNumber('110101199003')]).toEqual([false, true])
  expect(written(' a1 ')).toBe('A1')
})
