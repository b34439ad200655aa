// Dates, times, money and durations in the words of the app. All times are shown as clocks in China show them.
import { texts } from '../texts/app'
import { chinese, clockText, rangeText } from '../values/moment'

export { clockText, dateOf } from '../values/moment'

/** 11月26日 周四 */
export function dayText(moment: string | number): string {
  const at = chinese(moment)
  return texts.day(at.getUTCMonth() + 1, at.getUTCDate(), texts.weekdays[at.getUTCDay()])
}

/** 上午, of morning, afternoon, evening. */
export function periodText(period: 'morning' | 'afternoon' | 'evening'): string {
  return texts.periods[period]
}

/** 23:30–24:00, of two moments of one day: what ends at midnight ends with its day. */
export function clockRange(startsAt: string, endsAt: string): string {
  return rangeText(clockText(startsAt), clockText(endsAt))
}

/** 上午 09:00–09:30 */
export function timeText(startsAt: string, endsAt: string): string {
  const hour = chinese(startsAt).getUTCHours()
  const period = hour < 12 ? 'morning' : hour < 18 ? 'afternoon' : 'evening'
  return `${periodText(period)} ${clockRange(startsAt, endsAt)}`
}

/** ¥25.00 of 2500 fen. */
export function yuan(fen: number): string {
  return `¥${(fen / 100).toFixed(2)}`
}

/** 12 分 30 秒 of milliseconds; never below zero. */
export function remaining(ms: number): string {
  const seconds = Math.max(0, Math.ceil(ms / 1000))
  const [hours, minutes, rest] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60), seconds % 60]
  if (hours) return texts.hoursMinutes(hours, minutes)
  return minutes ? texts.minutesSeconds(minutes, rest) : texts.seconds(rest)
}
