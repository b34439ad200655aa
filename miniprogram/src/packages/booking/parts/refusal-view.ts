// A refusal as the pages show it: the server's sentence, what it means here, and the ways on.
import { isUncertain, Refusal } from '../../../api/refusal'
import { dayText } from '../../../parts/format'
import { problemOf } from '../../../parts/loading'
import { texts } from '../../../texts/booking'
import { waysOn, type Step, type Way } from './next-step'

export interface RefusalView {
  code: string
  title: string
  /** nobody knows yet whether it was done */
  isUncertain: boolean
  detail: string
  ways: Way[]
  /** the server's wish: the retry waits as long */
  waitS: number
  /** the appointment that stands in the way, when there is one */
  appointmentId: string
}

/** `uncertain` is what it means for the patient that no answer came to this deed. */
export function refusalView(error: unknown, canTake: readonly Step[], uncertain: string): RefusalView {
  const { code, title, retryAfterS } = problemOf(error)
  return {
    code,
    title: isUncertain(error) ? uncertain : title,
    isUncertain: isUncertain(error),
    detail: detailOf(error),
    ways: waysOn(code, canTake),
    waitS: retryAfterS ?? 0,
    appointmentId: String(extraOf(error, 'appointment_id') ?? ''),
  }
}

function extraOf(error: unknown, name: string): unknown {
  return error instanceof Refusal ? error.extra[name] : undefined
}

function detailOf(error: unknown): string {
  const until = extraOf(error, 'until')
  return typeof until === 'string' ? texts.confirm.blockedUntil(dayText(until)) : ''
}
