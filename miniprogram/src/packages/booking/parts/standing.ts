// Where an appointment stands, in the patient's words: the same for the list, its own page and the result.
import type { Schemas } from '../../../api/client'
import { clockText, dayText, timeText, yuan } from '../../../parts/format'
import { texts } from '../../../texts/booking'

export type Appointment = Schemas['AppointmentOut']

/** The server's states, with two that follow from the clock: a hold that is being checked, and a time that is over. */
export type Standing = keyof typeof texts.state
export type Tone = 'success' | 'warning' | 'danger' | 'quiet'

const tones: Readonly<Record<Standing, Tone>> = {
  held: 'warning',
  checking: 'warning',
  booked: 'success',
  past: 'quiet',
  suspended: 'danger',
  expired: 'quiet',
  cancelled_by_patient: 'quiet',
  cancelled_by_hospital: 'danger',
  rescheduled: 'quiet',
}

export function standingOf(one: Appointment, now: number): Standing {
  if (one.state === 'held' && !one.allowed.pay) return 'checking'
  if (one.state === 'booked' && now >= Date.parse(one.ends_at)) return 'past'
  return one.state
}

/** When, where and with whom: what every card of an appointment shows. */
export interface Visit {
  day: string
  /** 上午 09:00–09:30, and its two halves, which break a line only between them */
  time: string
  period: string
  clock: string
  doctor: string
  department: string
  hospital: string
  place: string
  room: string
  address: string
}

export function timeParts(startsAt: string, endsAt: string): Pick<Visit, 'time' | 'period' | 'clock'> {
  const time = timeText(startsAt, endsAt)
  const [period, clock] = time.split(' ')
  return { time, period, clock }
}

export function visitOf(one: Appointment): Visit {
  return {
    day: dayText(one.date),
    ...timeParts(one.starts_at, one.ends_at),
    doctor: `${one.doctor.name} ${one.doctor.title}`.trim(),
    department: one.department.name,
    hospital: one.hospital.name,
    place: one.place.name,
    room: one.place.room,
    address: one.place.address,
  }
}

/** An appointment as a card in a list. */
export interface Card {
  id: string
  state: string
  tone: Tone
  visit: Visit
  patient: string
  number: number | null
  fee: string
  /** what the card offers besides being opened */
  act: '' | 'pay' | 'choose'
}

export function cardOf(one: Appointment, now: number): Card {
  const standing = standingOf(one, now)
  return {
    id: one.id,
    state: texts.state[standing],
    tone: tones[standing],
    visit: visitOf(one),
    patient: one.patient.name,
    number: one.number,
    fee: yuan(one.order.amount_fen),
    act: standing === 'held' ? 'pay' : standing === 'suspended' ? 'choose' : '',
  }
}

export function toneOf(standing: Standing): Tone {
  return tones[standing]
}

/** What the state means now and what can be done, in one sentence; empty when the state says it all. */
export function hintOf(one: Appointment, now: number): string {
  const hints = texts.appointment.hint
  const standing = standingOf(one, now)
  if (standing === 'held') return hints.held(clockText(deadlineOf(one)))
  if (standing === 'suspended') return hints.suspended(momentText(deadlineOf(one)))
  if (one.order.state === 'refunded') return hints.refunded
  if (standing === 'cancelled_by_patient' && !hasMoney(one)) return hints.cancelledFree
  return hints[standing]
}

/** Until when to choose after a suspension, or else to pay: the time of a hold stays written when it is over. */
function deadlineOf({ state, hold_expires_at, decide_by, starts_at }: Appointment): string {
  return (state === 'suspended' ? decide_by : hold_expires_at) ?? starts_at
}

/** Whether money was taken for it, at some time. */
export function hasMoney(one: Appointment): boolean {
  return !['created', 'paying', 'closing', 'closed'].includes(one.order.state) && one.order.amount_fen > 0
}

/** 11月26日 周四 09:00 */
export function momentText(moment: string): string {
  return `${dayText(moment)} ${clockText(moment)}`
}
