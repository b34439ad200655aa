// The story of an order's money, the oldest first.
import type { Body } from '@/api/client'
import { money } from '@/parts/format'
import { texts } from '@/texts/money'
import { nameOf, type Refund } from './refunds'

export type OrderFile = Body<'get', '/api/v1/staff/orders/{order_id}'>

export interface Happening {
  at: string
  text: string
}

const words = texts.timeline

function ofPayments(file: OrderFile): (Happening | null)[] {
  return file.payments.flatMap((one) => {
    const channel = texts.channels[one.channel]
    return [
      { at: one.created_at, text: words.opened(channel) },
      one.captured_at
        ? { at: one.captured_at, text: words.captured(money(one.captured_fen), channel) }
        : null,
    ]
  })
}

function ofRefund(refund: Refund): (Happening | null)[] {
  const amount = money(refund.amount_fen)
  const ended = refund.settled_by ? words.refundHanded(amount) : words.refundArrived(amount)
  return [
    { at: refund.requested_at, text: words.refundAsked(amount, nameOf(refund.names, refund.requested_by)) },
    refund.submitted_at ? { at: refund.submitted_at, text: words.refundSent(amount) } : null,
    refund.recalled_at ? { at: refund.recalled_at, text: words.recalled(amount) } : null,
    refund.settled_at ? { at: refund.settled_at, text: ended } : null,
  ]
}

function ofCases(file: OrderFile): (Happening | null)[] {
  return file.cases.flatMap((one) => {
    const kind = texts.cases.kinds[one.kind]
    return [
      { at: one.opened_at, text: words.caseOpened(kind) },
      one.resolved_at ? { at: one.resolved_at, text: words.caseResolved(kind) } : null,
    ]
  })
}

export function timelineOf(file: OrderFile): Happening[] {
  const found = [
    { at: file.order.created_at, text: words.ordered },
    ...ofPayments(file),
    ...file.refunds.flatMap(ofRefund),
    ...ofCases(file),
  ]
  return found
    .filter((one): one is Happening => one !== null)
    .sort((one, other) => Date.parse(one.at) - Date.parse(other.at))
}
