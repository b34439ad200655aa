// Days and times as clocks in China show them, whatever zone a moment is written in.

const shanghaiMs = 8 * 3600_000
const dayMs = 24 * 3600_000
const two = (value: number) => String(value).padStart(2, '0')

/** A date (2026-11-26) or a moment (with offset) on China's clock, to be read with getUTC…. */
export function chinese(moment: string | number | Date): Date {
  const isDay = typeof moment === 'string' && moment.length === 10
  return new Date(new Date(isDay ? `${moment}T00:00:00+08:00` : moment).getTime() + shanghaiMs)
}

/** 2026-11-26 of a moment. */
export function dateOf(moment: string | number | Date): string {
  return chinese(moment).toISOString().slice(0, 10)
}

/** 2026-11-27 of (2026-11-26, 1). */
export function addDays(day: string, days: number): string {
  return new Date(Date.parse(`${day}T00:00:00Z`) + days * dayMs).toISOString().slice(0, 10)
}

/** 09:00 */
export function clockText(moment: string | number | Date): string {
  const at = chinese(moment)
  return `${two(at.getUTCHours())}:${two(at.getUTCMinutes())}`
}

/** 23:30–24:00, of two clocks of one day: what ends at midnight ends with its day. */
export function rangeText(starts: string, ends: string): string {
  return `${starts}–${ends === '00:00' ? '24:00' : ends}`
}
