// Dates, times, money and durations as they are shown.
import { expect, test } from 'vitest'
import { clockRange, dayText, remaining, timeText, yuan } from '../src/parts/format'

test('days are those of China, whatever zone the moment is written in', () => {
  expect(dayText('2026-11-26')).toBe('11月26日 周四')
  expect(dayText('2026-11-25T17:00:00Z')).toBe('11月26日 周四')
})

test('times name the part of the day', () => {
  expect(timeText('2026-11-26T09:00:00+08:00', '2026-11-26T09:30:00+08:00')).toBe('上午 09:00–09:30')
  expect(timeText('2026-11-26T06:00:00Z', '2026-11-26T06:30:00Z')).toBe('下午 14:00–14:30')
  expect(timeText('2026-11-26T18:00:00+08:00', '2026-11-26T18:30:00+08:00')).toBe('晚上 18:00–18:30')
  expect(timeText('2026-11-26T23:30:00+08:00', '2026-11-27T00:00:00+08:00')).toBe('晚上 23:30–24:00')
  expect(clockRange('2026-11-26T16:00:00Z', '2026-11-26T16:30:00Z')).toBe('00:00–00:30')
})

test('money has two digits after the point', () => {
  expect(yuan(2500)).toBe('¥25.00')
  expect(yuan(5)).toBe('¥0.05')
})

test('what is left is never below zero and never shorter than it is', () => {
  expect(remaining(750_000)).toBe('12 分 30 秒')
  expect(remaining(59_001)).toBe('1 分 0 秒')
  expect(remaining(900)).toBe('1 秒')
  expect(remaining(-5)).toBe('0 秒')
  expect(remaining(7_260_000)).toBe('2 小时 1 分')
})
