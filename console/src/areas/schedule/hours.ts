// Clock times as somebody types them. A day ends at 24:00, which the browser's own field for times does not take.
import { texts } from '@/texts/schedule'

const { hours: ofHours, minutes: ofMinutes } = texts.clockUnits
const written = new RegExp(`^(\\d{1,2})(?:[:\u2236${ofHours}](\\d{2})?${ofMinutes}?)?$|^(\\d{2})(\\d{2})$`)

/** 09:30 of 9:30, 9：30, 0930, 9点30分 and 9; '' of what is no time. 24:00 is one. */
export function readClock(typed: string): string {
  const found = written.exec(typed.normalize('NFKC').replace(/\s/g, ''))
  if (!found) return ''
  const [hours, minutes] = [found[1] ?? found[3], found[2] ?? found[4] ?? '00']
  const clock = `${hours.padStart(2, '0')}:${minutes}`
  return clock <= '24:00' && minutes < '60' ? clock : ''
}

/** As `readClock`, of an end: what ends at 00:00 ends with its day. */
export function readEnd(typed: string): string {
  const clock = readClock(typed)
  return clock === '00:00' ? '24:00' : clock
}

/** Whether something of one day can start and end then. */
export function isInOrder(starts: string, ends: string): boolean {
  return starts !== '' && starts < ends
}
