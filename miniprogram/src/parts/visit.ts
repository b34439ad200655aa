// The next appointment as the home page shows it.
import type { Schemas } from '../api/client'
import { namedDay } from './days'
import { clockRange, clockText, periodText } from './format'
import { say, texts } from '../texts/catalog'

type Appointment = Schemas['AppointmentOut']

export interface Visit {
  day: string
  time: string
  place: string
  hospital: string
  who: string
  phone: string
  notice: string
  deed: string
  url: string
}

export function visitOf(appointment: Appointment, today: string): Visit {
  const { id, place, hospital, department, doctor, patient } = appointment
  const paying = appointment.state === 'held' && appointment.allowed.pay
  return {
    day: say.daysOn(namedDay(appointment.date, today), periodText(appointment.period)),
    time: clockRange(appointment.starts_at, appointment.ends_at),
    place: say.roomOf(place.room, place.name),
    hospital: say.joined([hospital.name, department.name]),
    who: say.joined([say.doctorTitle(doctor.name, doctor.title), say.patientOf(patient.name)]),
    phone: place.phone,
    notice: noticeOf(appointment),
    deed: deedOf(appointment),
    url: paying
      ? `/packages/booking/payment/payment?appointment=${id}`
      : `/packages/booking/appointment/appointment?id=${id}`,
  }
}

function noticeOf({ state, hold_expires_at }: Appointment): string {
  if (state === 'suspended') return say.suspendedVisit
  return state === 'held' && hold_expires_at ? say.payBefore(clockText(hold_expires_at)) : ''
}

function deedOf({ state, allowed }: Appointment): string {
  if (state === 'suspended') return texts.home.choose
  return state === 'held' && allowed.pay ? texts.home.pay : texts.home.details
}
