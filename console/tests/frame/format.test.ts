import { expect, test } from 'vitest'
import { dateTimeText, dayText, money, timeText } from '@/parts/format'

test('moments are shown by the clock in China', () => {
  expect(dateTimeText('2026-11-25T16:05:00Z')).toBe('2026-11-26 00:05')
  expect(timeText('2026-11-26T01:30:00Z')).toBe('09:30')
  expect(timeText('14:05:00')).toBe('14:05')
  expect(dayText('2026-11-26')).toBe('11月26日 周四')
})

test('money has two places and groups of three, also below zero', () => {
  expect([0, 5, 2500, 123456789, -100050].map(money)).toEqual([
    '¥0.00',
    '¥0.05',
    '¥25.00',
    '¥1,234,567.89',
    '-¥1,000.50',
  ])
})

test('what is not known is a dash', () => {
  expect([money(null), dayText(undefined), timeText(null), dateTimeText(null)]).toEqual(['—', '—', '—', '—'])
})
