// How far a refund is, as steps with their days.
import type { Schemas } from '../../../api/client'
import { dayText, yuan } from '../../../parts/format'
import { texts } from '../../../texts/booking'

type Refund = Schemas['RefundOut']
const t = texts.appointment.refund

export interface RefundView {
  id: string
  amount: string
  /** the server's sentence */
  text: string
  expected: string
  needsCare: boolean
  steps: { name: string; day: string; isDone: boolean }[]
}

export function refundView(refund: Refund): RefundView {
  const isOpen = refund.state === 'requested' || refund.state === 'submitted'
  return {
    id: refund.id,
    amount: yuan(refund.amount_fen),
    text: refund.text,
    expected: isOpen && refund.expected_by ? t.expected(dayText(refund.expected_by)) : '',
    needsCare: refund.state === 'attention',
    steps: [
      step(t.requested, refund.requested_at),
      ...(goesByProvider(refund) ? [step(t.submitted, refund.submitted_at)] : []),
      step(goesByProvider(refund) ? t.arrived : t.handed, refund.arrived_at),
    ],
  }
}

/** Of money handed over at the hospital no provider takes a refund in, and no day is promised. */
function goesByProvider({ submitted_at, expected_by }: Refund): boolean {
  return submitted_at !== null || expected_by !== null
}

function step(name: string, at: string | null) {
  return { name, day: at ? dayText(at) : '', isDone: at !== null }
}
