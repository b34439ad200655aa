// An order that waits for its payment, as the payment page shows it.
import type { Schemas } from '../../../api/client'
import { clockText, yuan } from '../../../parts/format'
import { texts } from '../../../texts/booking'
import { methodsFor, type Method, type OnlineChannel } from './paying'
import { visitOf, type Appointment, type Visit } from './standing'

export interface PaymentView {
  visit: Visit
  amount: string
  until: string
  inWeChat: boolean
  methods: Method[]
  /** the chosen way to pay; empty when there is none */
  channel: OnlineChannel | ''
}

/** `chosen` stays chosen as long as it is offered. */
export function paymentView(
  appointment: Appointment,
  order: Schemas['OrderOut'],
  inWeChat: boolean,
  chosen: string,
): PaymentView {
  const methods = methodsFor(order.channels, inWeChat)
  const method = methods.find(({ channel }) => channel === chosen) ?? methods[0]
  const endsAt = appointment.hold_expires_at ?? appointment.starts_at
  return {
    visit: visitOf(appointment),
    amount: yuan(order.payable_fen),
    until: texts.payment.until(clockText(endsAt)),
    inWeChat,
    methods,
    channel: method ? method.channel : '',
  }
}
