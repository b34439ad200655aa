import { describe, expect, it } from 'vitest'
import {
  bookingsChart,
  comparison,
  fillChart,
  fillTitle,
  leftText,
  type Bookings,
  type Fill,
} from '@/areas/today/finding'

type Hour = Bookings['today']['hours'][number]

const day = (counts: Record<number, Partial<Hour>>) => ({
  day: '2026-11-23',
  hours: Array.from({ length: 24 }, (_, hour) => ({ hour, online: 0, desk: 0, phone: 0, ...counts[hour] })),
})
const bookings = (
  today: Record<number, Partial<Hour>>,
  before: Record<number, Partial<Hour>> = {},
): Bookings => ({
  today: day(today),
  last_week: day(before),
})
const fill = (overrides: Partial<Fill>): Fill => ({
  department_id: 'd',
  name: '内科',
  places: 40,
  taken: 30,
  free: 10,
  ...overrides,
})

describe('bookings by hour', () => {
  it.each([
    [{}, {}, '今天还没有人预约'],
    [{ 8: { online: 5, phone: 1 } }, { 8: { desk: 4 } }, '今天有 6 个预约，10 点前比上周同一天多 2 个'],
    [{ 8: { online: 1 } }, { 7: { online: 4 } }, '今天有 1 个预约，10 点前比上周同一天少 3 个'],
    [{ 8: { online: 1 } }, { 9: { online: 1 } }, '今天有 1 个预约，10 点前和上周同一天一样多'],
  ])('are compared up to the hours that are over', (today, before, title) => {
    expect(comparison(bookings(today, before), 10)).toBe(title)
  })

  it('count the running hour, as the bars do, and compare it on neither side', () => {
    const running = bookings({ 9: { online: 2 }, 10: { online: 9 } }, { 10: { online: 50 } })

    expect(comparison(running, 10)).toBe('今天有 11 个预约，10 点前比上周同一天多 2 个')
    expect(comparison(bookings({ 0: { online: 1 } }), 0)).toBe('今天有 1 个预约')
  })

  it('stand in the table where there were any', () => {
    const { table } = bookingsChart(bookings({ 8: { online: 5, desk: 2 } }, { 23: { phone: 1 } }), 10)

    expect(table.rows).toEqual([
      ['8 点', 5, 2, 0, 7, 0],
      ['23 点', 0, 0, 0, 0, 1],
    ])
  })
})

describe('how full departments are', () => {
  it.each([
    [[], '未来 7 天没有出诊'],
    [[fill({ taken: 0 })], '未来 7 天的号还没有人约'],
    [[fill({}), fill({ name: '外科', taken: 1 })], '内科最满，未来 7 天的号已约 75%'],
  ])('says the fullest', (departments, title) => {
    expect(fillTitle(departments)).toBe(title)
  })

  it('names every department in the table and the fullest in the chart', () => {
    const many = Array.from({ length: 20 }, (_, at) => fill({ name: `科室${at}`, taken: 40 - at }))

    const { option, table } = fillChart(many)

    const names = (option.yAxis as { data: string[] }).data
    expect(table.rows).toHaveLength(20)
    expect([names.length, names.at(-1)]).toEqual([15, '科室0'])
    expect(table.rows[0]).toEqual(['科室0', 40, 40, 100, 10])
  })
})

describe('the countdown', () => {
  it.each([
    [3_600_000, '01:00:00'],
    [59_001, '00:01:00'],
    [1, '00:00:01'],
    [2 * 86_400_000 + 5_000, '2 天 00:00:05'],
    [0, null],
    [-1, null],
  ])('of %i ms', (ms, words) => {
    expect(leftText(ms)).toBe(words)
  })
})
