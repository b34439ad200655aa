// The calendar's days, cells and movements, without a screen.
import type { Body } from '@/api/client'
import { addDays, dateOf, dayText, timeRange, timeText } from '@/parts/format'
import { texts } from '@/texts/schedule'

export type Calendar = Body<'get', '/api/v1/staff/hospitals/{hospital_id}/calendar'>
export type CalendarRow = Calendar['rows'][number]
export type CalendarDay = Calendar['days'][number]
export type Cell = CalendarRow['cells'][number]
export type View = 'week' | 'month'

export interface Place {
  view: View
  /** Any day of the week or month shown. */
  day: string
  department: string
  doctor: string
  /** The session whose drawer is open. */
  session: string
}

type Query = Record<string, unknown>

const isDay = (text: string) => /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(Date.parse(text))

/** What the address says; what it does not say is this week of everybody. */
export function placeOf(query: Query, today: string): Place {
  const text = (name: string) => (typeof query[name] === 'string' ? (query[name] as string) : '')
  return {
    view: text('view') === 'month' ? 'month' : 'week',
    day: isDay(text('day')) ? text('day') : today,
    department: text('department'),
    doctor: text('doctor'),
    session: text('session'),
  }
}

/** The address of a place: only what differs from the first look. */
export function queryOf(place: Place, today: string): Record<string, string> {
  const first = placeOf({}, today)
  const names = Object.keys(first) as (keyof Place)[]
  return Object.fromEntries(names.filter((one) => place[one] !== first[one]).map((one) => [one, place[one]]))
}

/** The Monday of a day's week. */
export function mondayOf(day: string): string {
  const weekday = (new Date(`${day}T00:00:00Z`).getUTCDay() + 6) % 7
  return addDays(day, -weekday)
}

/** First and last day shown: Monday to Sunday, or the whole month. */
export function spanOf({ view, day }: Pick<Place, 'view' | 'day'>): { from: string; to: string } {
  if (view === 'week') return { from: mondayOf(day), to: addDays(mondayOf(day), 6) }
  const from = `${day.slice(0, 8)}01`
  return { from, to: addDays(nextMonth(from), -1) }
}

/** Whether a calendar is that of the span; while another is on its way, or could not be had, it is the one before. */
export function isOf({ days }: Pick<Calendar, 'days'>, span: { from: string; to: string }): boolean {
  return days[0]?.date === span.from && days[days.length - 1]?.date === span.to
}

function nextMonth(first: string): string {
  return `${addDays(first, 31).slice(0, 8)}01`
}

/** The same kind of span, one earlier (-1) or later (+1). */
export function stepped({ view, day }: Pick<Place, 'view' | 'day'>, by: -1 | 1): string {
  if (view === 'week') return addDays(day, 7 * by)
  const { from } = spanOf({ view, day })
  return by > 0 ? nextMonth(from) : spanOf({ view, day: addDays(from, -1) }).from
}

/** A doctor's sessions by column: one list for each day, in the order of time. */
export function columnsOf(row: Pick<CalendarRow, 'cells'>, days: readonly { date: string }[]): Cell[][] {
  const at = new Map(days.map(({ date }, column) => [date, column]))
  const columns: Cell[][] = days.map(() => [])
  for (const cell of row.cells) columns[at.get(cell.date) ?? -1]?.push(cell)
  return columns
}

/** How full, in whole percent of what there is. */
export function fillOf({ taken, capacity }: Pick<Cell, 'taken' | 'capacity'>): number {
  return capacity > 0 ? Math.min(100, Math.round((taken / capacity) * 100)) : 0
}

/** On sale, and nothing is left. */
export function isFull({ state, free }: Pick<Cell, 'state' | 'free'>): boolean {
  return state === 'released' && free === 0
}

/** The word of a session's state; full is the news while it is on sale. */
export function stateWord(cell: Pick<Cell, 'state' | 'free'>): string {
  return isFull(cell) ? texts.full : texts.states[cell.state]
}

export function hoursOf({ starts_at, ends_at }: Pick<Cell, 'starts_at' | 'ends_at'>): string {
  return timeRange(starts_at, ends_at)
}

/** Everything a chip shows, as a sentence for those who do not see colours and bars. */
export function chipLabel(doctor: string, cell: Cell): string {
  const parts = [
    texts.levels[cell.level],
    stateWord(cell),
    texts.fill(cell.taken, cell.capacity),
    texts.free(cell.free),
    cell.room,
  ]
  return texts.chipLabel(doctor, dayText(cell.date), hoursOf(cell), parts.join(texts.comma))
}

/** Where the focus is: a doctor's row, a day's column, and which of the sessions of that day. */
export interface Spot {
  row: number
  column: number
  index: number
}

/** How many sessions a cell has; an empty cell can be reached too. */
export type CountAt = (row: number, column: number) => number

interface Size {
  rows: number
  columns: number
}

/** Where a key leads, or null for a key that moves nothing. */
export function moved(spot: Spot, key: string, size: Size, countAt: CountAt): Spot | null {
  switch (key) {
    case 'ArrowLeft':
      return sideways(spot, spot.column - 1, size, countAt)
    case 'ArrowRight':
      return sideways(spot, spot.column + 1, size, countAt)
    case 'Home':
      return sideways(spot, 0, size, countAt)
    case 'End':
      return sideways(spot, size.columns - 1, size, countAt)
    case 'ArrowUp':
      return upwards(spot, countAt)
    case 'ArrowDown':
      return downwards(spot, size, countAt)
    default:
      return null
  }
}

function sideways(spot: Spot, wanted: number, size: Size, countAt: CountAt): Spot {
  const column = Math.max(0, Math.min(size.columns - 1, wanted))
  return { row: spot.row, column, index: Math.max(0, Math.min(spot.index, countAt(spot.row, column) - 1)) }
}

function upwards(spot: Spot, countAt: CountAt): Spot {
  if (spot.index > 0) return { ...spot, index: spot.index - 1 }
  if (spot.row === 0) return spot
  const row = spot.row - 1
  return { ...spot, row, index: Math.max(0, countAt(row, spot.column) - 1) }
}

function downwards(spot: Spot, size: Size, countAt: CountAt): Spot {
  if (spot.index < countAt(spot.row, spot.column) - 1) return { ...spot, index: spot.index + 1 }
  return spot.row < size.rows - 1 ? { ...spot, row: spot.row + 1, index: 0 } : spot
}

/** A local day and clock time as a moment in China. */
export function momentOf(day: string, time: string): string {
  return `${day}T${time.slice(0, 5)}:00+08:00`
}

/** A moment's day and clock time in China, for two fields. */
export function dayAndTime(moment: string): { day: string; time: string } {
  return { day: dateOf(moment), time: timeText(moment) }
}
