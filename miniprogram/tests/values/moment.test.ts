// Days and times as clocks in China show them.
import { expect, test } from 'vitest'
import { addDays, clockText, dateOf, rangeText } from '../../src/values/moment'

test('days are those of China, whatever zone the moment is written in', () => {
  expect(dateOf('2026-11-26')).toBe('2026-11-26')
  expect(dateOf('2026-11-25T16:00:00Z')).toBe('2026-11-26')
  expect(dateOf(Date.parse('2026-11-25T15:59:59Z'))).toBe('2026-11-25')
  expect(dateOf(new Date('2026-12-31T20:00:00+00:00'))).toBe('2027-01-01')
})

test('days are counted over months and years', () => {
  expect([addDays('2026-12-31', 1), addDays('2028-03-01', -1)]).toEqual(['2027-01-01', '2028-02-29'])
})

test('a clock is to the minute, and what ends at midnight ends with its day', () => {
  expect(clockText('2026-11-25T16:05:59Z')).toBe('00:05')
  expect(rangeText('23:30', '00:00')).toBe('23:30–24:00')
  expect(rangeText('00:00', '00:30')).toBe('00:00–00:30')
})
