// The days of a month as a calendar, each with how its bills fit.
import type { Body } from '@/api/client'
import { addDays } from '@/parts/format'
import { texts } from '@/texts/money'

export type Run = Body<'get', '/api/v1/staff/reconciliations'>['items'][number]

export interface Cell {
  day: string
  isOutside: boolean
  runs: Run[]
}

/** "2026-11-01" of any day of the month, and of the month `months` later. */
export function firstOf(day: string, months = 0): string {
  const [year, month] = day.split('-').map(Number)
  return new Date(Date.UTC(year, month - 1 + months, 1)).toISOString().slice(0, 10)
}

/** Weeks from Monday to Sunday that cover the month. */
export function weeksOf(month: string, runs: readonly Run[]): Cell[][] {
  const first = firstOf(month)
  const after = firstOf(month, 1)
  const lead = (new Date(`${first}T00:00:00Z`).getUTCDay() + 6) % 7
  const weeks: Cell[][] = []
  for (let monday = addDays(first, -lead); monday < after; monday = addDays(monday, 7)) {
    weeks.push(Array.from({ length: 7 }, (_, at) => cellOf(addDays(monday, at), first, after, runs)))
  }
  return weeks
}

function cellOf(day: string, first: string, after: string, runs: readonly Run[]): Cell {
  const isOutside = day < first || day >= after
  return { day, isOutside, runs: isOutside ? [] : runs.filter((run) => run.day === day) }
}

/** Why a bill could not be used, in words; the provider's own code stays beside it. */
export function errorText(error: string): string {
  const [kind, detail] = error.split(': ', 2)
  const said = texts.evidence.errors[kind] ?? kind
  return detail ? `${said} ${detail}` : said
}

export interface Told {
  text: string
  tag: string
  mark: string
}

/** How a day's bill fits: a mark, a colour and words. */
export function told(run: Run): Told {
  if (run.state === 'failed') return { text: texts.days.failed, tag: 'tag-danger', mark: '✕' }
  if (run.differences === null || run.state === 'wanted')
    return { text: texts.days.wanted, tag: '', mark: '…' }
  if (run.differences > 0)
    return { text: texts.days.differences(run.differences), tag: 'tag-warning', mark: '!' }
  return { text: texts.days.equal, tag: 'tag-success', mark: '✓' }
}
