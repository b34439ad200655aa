// The booking that the desk has just made, or that was brought here from its page.
import type { Schemas } from '@/api/client'

export type Person = Schemas['PersonOut']
export type Mode = 'desk' | 'phone'

export interface Made {
  id: string
  number: number | null
  orderId: string
  amountFen: number
  isPaid: boolean
}

const settled = ['paid', 'paid_late', 'part_refunded']

export function madeOf(
  booked: Pick<Schemas['HeldOut'], 'id' | 'number'> & { order: Schemas['OrderPart'] },
): Made {
  const { id, number, order } = booked
  return {
    id,
    number: number ?? null,
    orderId: order.id,
    amountFen: order.amount_fen,
    isPaid: isSettled(order.state),
  }
}

/** Whether the order needs no more money. */
export function isSettled(state: string): boolean {
  return settled.includes(state)
}
