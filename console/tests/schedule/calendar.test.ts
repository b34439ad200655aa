import { mount } from '@vue/test-utils'
import { describe, expect, it } from 'vitest'
import {
  columnsOf,
  fillOf,
  isOf,
  mondayOf,
  momentOf,
  moved,
  placeOf,
  queryOf,
  spanOf,
  stateWord,
  stepped,
  type Calendar,
  type Cell,
} from '@/areas/schedule/calendar'
import CalendarGrid from '@/areas/schedule/calendar-grid.vue'
import { texts } from '@/texts/schedule'

const today = '2026-11-25'

describe('the place in the address', () => {
  it('says nothing of the first look', () => {
    expect(queryOf(placeOf({}, today), today)).toEqual({})
  })

  it('keeps view, day, department, doctor and the open session', () => {
    const query = { view: 'month', day: '2026-12-01', department: 'd', doctor: 'x', session: 's' }
    expect(queryOf(placeOf(query, today), today)).toEqual(query)
  })

  it('takes what it cannot read for today and a week', () => {
    expect(placeOf({ view: 'year', day: '2026-13-45', session: ['a', 'b'] }, today)).toEqual(
      placeOf({}, today),
    )
  })
})

describe('the days shown', () => {
  it('are Monday to Sunday of a week', () => {
    expect(spanOf({ view: 'week', day: '2026-11-29' })).toEqual({ from: '2026-11-23', to: '2026-11-29' })
    expect(mondayOf('2026-11-23')).toBe('2026-11-23')
  })

  it('are the whole month, leap years too', () => {
    expect(spanOf({ view: 'month', day: '2028-02-10' })).toEqual({ from: '2028-02-01', to: '2028-02-29' })
  })

  it('step from month to month and week to week', () => {
    expect(stepped({ view: 'month', day: '2026-01-31' }, 1)).toBe('2026-02-01')
    expect(stepped({ view: 'month', day: '2026-01-31' }, -1)).toBe('2025-12-01')
    expect(stepped({ view: 'week', day: '2026-12-30' }, 1)).toBe('2027-01-06')
  })
})

describe('a calendar that is still on its way', () => {
  const days = (...dates: string[]) => ({ days: dates.map((date) => ({ date })) }) as Calendar

  it('is not the one drawn, although both begin on the same Monday', () => {
    const week = days('2027-02-01', '2027-02-07')
    expect(isOf(week, spanOf({ view: 'week', day: '2027-02-03' }))).toBe(true)
    expect(isOf(week, spanOf({ view: 'month', day: '2027-02-03' }))).toBe(false)
  })

  it('opens nothing where a day only seems to be empty', async () => {
    const calendar = {
      ...days('2027-02-01'),
      rows: [{ doctor_id: 'd', name: 'n', title: 't', cells: [] }],
    } as unknown as Calendar
    const props = { calendar, view: 'week', today: '2027-02-01', isBusy: true } as const
    const grid = mount(CalendarGrid, { props, attachTo: document.body })
    const cell = grid.get<HTMLElement>("[data-spot='0:0']")
    cell.element.focus()

    await cell.trigger('keydown', { key: 'Enter' })
    const whileBusy = grid.emitted('add')
    await grid.setProps({ isBusy: false })
    await cell.trigger('keydown', { key: 'Enter' })

    expect(grid.get('[role=grid]').attributes('aria-busy')).toBe('false')
    expect([whileBusy, grid.emitted('add')]).toEqual([undefined, [['d', '2027-02-01']]])
    grid.unmount()
  })
})

describe('cells', () => {
  const cell = (date: string, more: Partial<Cell> = {}) => ({ date, ...more }) as Cell

  it('stand in the column of their day', () => {
    const days = [{ date: '2026-11-23' }, { date: '2026-11-24' }]
    const cells = [cell('2026-11-24'), cell('2026-11-24'), cell('2026-11-30')]
    expect(columnsOf({ cells }, days).map(({ length }) => length)).toEqual([0, 2])
  })

  it('are filled by what is taken, at most wholly', () => {
    expect(fillOf({ taken: 3, capacity: 8 })).toBe(38)
    expect(fillOf({ taken: 0, capacity: 0 })).toBe(0)
    expect(fillOf({ taken: 9, capacity: 8 })).toBe(100)
  })

  it('are called full only while they are on sale', () => {
    expect(stateWord({ state: 'released', free: 0 })).toBe(texts.full)
    expect(stateWord({ state: 'published', free: 0 })).toBe(texts.states.published)
  })
})

describe('keys', () => {
  const counts = [
    [2, 0, 1],
    [1, 3, 0],
  ]
  const size = { rows: 2, columns: 3 }
  const go = (row: number, column: number, index: number, key: string) =>
    moved({ row, column, index }, key, size, (r, c) => counts[r][c])

  it('walk down through the sessions of a day, then to the next doctor', () => {
    expect(go(0, 0, 0, 'ArrowDown')).toEqual({ row: 0, column: 0, index: 1 })
    expect(go(0, 0, 1, 'ArrowDown')).toEqual({ row: 1, column: 0, index: 0 })
  })

  it('walk up to the last session of the doctor above', () => {
    expect(go(1, 0, 0, 'ArrowUp')).toEqual({ row: 0, column: 0, index: 1 })
  })

  it('reach days without a session, to add one', () => {
    expect(go(0, 0, 1, 'ArrowRight')).toEqual({ row: 0, column: 1, index: 0 })
  })

  it('stop at the edges', () => {
    expect(go(0, 0, 0, 'ArrowUp')).toEqual({ row: 0, column: 0, index: 0 })
    expect(go(1, 2, 0, 'ArrowDown')).toEqual({ row: 1, column: 2, index: 0 })
    expect(go(1, 2, 0, 'ArrowRight')).toEqual({ row: 1, column: 2, index: 0 })
  })

  it('jump to the first and last day, and leave other keys alone', () => {
    expect(go(1, 1, 2, 'End')).toEqual({ row: 1, column: 2, index: 0 })
    expect(go(1, 1, 2, 'Home')).toEqual({ row: 1, column: 0, index: 0 })
    expect(go(1, 1, 2, 'a')).toBeNull()
  })
})

it('reads a day and a clock time as a moment in China', () => {
  expect(new Date(momentOf('2026-11-25', '07:00')).toISOString()).toBe('2026-11-24T23:00:00.000Z')
})
