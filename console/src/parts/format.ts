// Dates, times and money in the words of the console. All times are shown as clocks in China show them.
import { chinese, clockText, dateOf, rangeText } from '@values/moment'
import { texts } from '@/texts/app'

export { addDays, dateOf } from '@values/moment'

/** Today's date in China. */
export function today(): string {
  return dateOf(Date.now())
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
  return clockText(moment)
}

/** 09:00–09:30, of two moments of one day or two clock times. */
export function timeRange(starts: string | null | undefined, ends: string | null | undefined): string {
  return rangeText(timeText(starts), timeText(ends))
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
