// Dates, times and money in the words of the console. All times are shown as clocks in China show them.
import { texts } from '@/texts/app'

const shanghaiMs = 8 * 3600_000
const two = (value: number) => String(value).padStart(2, '0')

/** A date (2026-11-26) or a moment (with offset) on China's clock, to be read with getUTC…. */
function chinese(moment: string | number | Date): Date {
  const isDay = typeof moment === 'string' && moment.length === 10
  return new Date(new Date(isDay ? `${moment}T00:00:00+08:00` : moment).getTime() + shanghaiMs)
}

/** 2026-11-26 of a moment. */
export function dateOf(moment: string | number | Date): string {
  return chinese(moment).toISOString().slice(0, 10)
}

/** Today's date in China. */
export function today(): string {
  return dateOf(Date.now())
}

/** 2026-11-27 of (2026-11-26, 1). */
export function addDays(day: string, days: number): string {
  return new Date(Date.parse(`${day}T00:00:00Z`) + days * 86_400_000).toISOString().slice(0, 10)
}

/** 11月26日 周四 */
export function dayText(moment: string | number | Date | null | undefined): string {
  if (moment === null || moment === undefined) return texts.none
  const at = chinese(moment)
  return texts.day(at.getUTCMonth() + 1, at.getUTCDate(), texts.weekdays[at.getUTCDay()])
}

/** 09:00, of a moment or of a clock time such as 09:00:00. */
export function timeText(moment: string | number | Date | null | undefined): string {
  if (moment === null || moment === undefined) return texts.none
  if (typeof moment === 'string' && /^\d\d:\d\d/.test(moment)) return moment.slice(0, 5)
  const at = chinese(moment)
  return `${two(at.getUTCHours())}:${two(at.getUTCMinutes())}`
}

/** 24:00 of midnight: the end of something, which ends with its day. A clock time such as 24:00 stays. */
function endText(moment: string | null | undefined): string {
  const clock = timeText(moment)
  return clock === '00:00' ? '24:00' : clock
}

/** 09:00–09:30, of two moments of one day or two clock times. */
export function timeRange(starts: string | null | undefined, ends: string | null | undefined): string {
  return `${timeText(starts)}–${endText(ends)}`
}

/** 2026-11-26 09:00, for tables: columns stay in line and can be compared. */
export function dateTimeText(moment: string | number | Date | null | undefined): string {
  if (moment === null || moment === undefined) return texts.none
  return `${dateOf(moment)} ${timeText(moment)}`
}

/** 上午, of morning, afternoon, evening. */
export function periodText(period: 'morning' | 'afternoon' | 'evening'): string {
  return texts.periods[period]
}

/** ¥1,234.50 of 123450 fen. */
export function money(fen: number | null | undefined): string {
  if (fen === null || fen === undefined) return texts.none
  const [whole, rest] = (Math.abs(fen) / 100).toFixed(2).split('.')
  return `${fen < 0 ? '-' : ''}¥${whole.replace(/\B(?=(\d{3})+$)/g, ',')}.${rest}`
}
