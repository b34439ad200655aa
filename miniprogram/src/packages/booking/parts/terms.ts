// The two rules that matter while booking one slot: until when to pay, until when cancelling costs nothing.
import type { Schemas } from '../../../api/client'
import { dateOf, dayText } from '../../../parts/format'
import { texts } from '../../../texts/booking'
import { addDays } from '../../../values/moment'

const t = texts.confirm

/** What is read of a rule set, under the server's names. */
interface Values {
  hold_min: number
  same_day_hold_min: number
  cancel_deadline_days_before: number
  cancel_deadline_time: string | null
  late_cancel_counts: boolean
}

interface Wanted {
  date: string
  fee_fen: number
}

/** Sentences about this slot, with its own dates; `now` by the server's clock. */
export function termsFor(rules: Schemas['RulesOut'], wanted: Wanted, now: number): string[] {
  const values = rules.rules as unknown as Values
  const minutes = wanted.date === dateOf(now) ? values.same_day_hold_min : values.hold_min
  const paying = wanted.fee_fen ? [t.payWithin(minutes)] : []
  return [...paying, cancelling(values, wanted.date, now)]
}

function cancelling(values: Values, date: string, now: number): string {
  if (!values.late_cancel_counts) return t.freeUntilStart
  const day = addDays(date, -values.cancel_deadline_days_before)
  const clock = values.cancel_deadline_time?.slice(0, 5) ?? '24:00'
  const isOver = now >= Date.parse(`${day}T00:00:00+08:00`) + minutesOf(clock) * 60_000
  return isOver ? t.lateFromNow : t.freeUntil(`${dayText(day)} ${clock} `)
}

function minutesOf(clock: string): number {
  const [hours, minutes] = clock.split(':').map(Number)
  return hours * 60 + minutes
}
