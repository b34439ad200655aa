// One appointment as its own page shows it: state, money, history, and what can be done.
import type { Schemas } from '../../../api/client'
import { yuan } from '../../../parts/format'
import { texts } from '../../../texts/booking'
import { refundView, type RefundView } from './refund'
import {
  hintOf,
  momentText,
  standingOf,
  toneOf,
  visitOf,
  type Standing,
  type Tone,
  type Visit,
} from './standing'

const t = texts.appointment
export type AppointmentPage = Schemas['AppointmentPageOut']

/** What the foot offers. */
export type Deed = 'pay' | 'reschedule' | 'cancel' | 'again' | 'mine'

export interface AppointmentView {
  id: string
  state: string
  tone: Tone
  hint: string
  visit: Visit
  number: number
  patient: string
  hasCode: boolean
  fee: string
  money: string
  refunds: RefundView[]
  timeline: { key: number; when: string; text: string }[]
  bring: string[]
  oldId: string
  deeds: { deed: Deed; name: string; look: string }[]
}

export function appointmentView(
  one: AppointmentPage,
  order: Schemas['OrderOut'] | null,
  now: number,
): AppointmentView {
  const standing = standingOf(one, now)
  return {
    id: one.id,
    state: texts.state[standing],
    tone: toneOf(standing),
    hint: hintOf(one, now),
    visit: visitOf(one),
    patient: one.patient.name,
    ...arrivalOf(one, standing),
    fee: yuan(one.order.amount_fen),
    money: one.order.amount_fen ? t.orderState[one.order.state] : '',
    refunds: (order?.refunds ?? []).map(refundView),
    timeline: one.timeline.map(({ at, text }, key) => ({ key, when: momentText(at), text })),
    oldId: one.rescheduled_from ?? '',
    deeds: deedsOf(one).map((deed) => ({ deed, name: t.deed[deed], look: lookOf(deed, standing) })),
  }
}

/** What one needs on the day: nothing of it once the visit is off or over. */
function arrivalOf({ number, bring }: AppointmentPage, standing: Standing) {
  const isComing = standing === 'booked'
  return {
    number: isComing ? (number ?? 0) : 0,
    hasCode: isComing,
    bring: isComing || standing === 'held' ? bring : [],
  }
}

/** The primary button is what the patient has to do; who is booked has nothing to do but to come. */
function lookOf(deed: Deed, standing: Standing): string {
  if (deed === 'cancel') return 'button-danger'
  const isDue = deed === 'pay' || deed === 'again' || (deed === 'reschedule' && standing === 'suspended')
  return isDue ? 'button-primary' : ''
}

/** What can be done now, by the server's word; an appointment that ended can be made anew. */
export function deedsOf({ allowed, state }: Pick<AppointmentPage, 'allowed' | 'state'>): Deed[] {
  const deeds = (['pay', 'reschedule', 'cancel'] as const).filter((deed) => allowed[deed])
  if (deeds.length) return deeds
  return ['booked', 'held', 'rescheduled'].includes(state) ? ['mine'] : ['again', 'mine']
}
