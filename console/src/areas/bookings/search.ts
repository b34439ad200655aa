// What the list of bookings is asked for, from what stands in its filter row.
import type { Body } from '@/api/client'

export type Booking = Body<'get', '/api/v1/staff/appointments'>['items'][number]
export type BookingState = Booking['state']
export type Channel = Booking['channel']

const idPattern = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** An appointment's own id, as the address of its page and slips carry it. */
export function isAppointmentId(typed: string): boolean {
  return idPattern.test(typed.trim())
}

/** The number of a visit. Longer figures are phones and documents: they are looked up and never stand in an address. */
export function isVisitNumber(typed: string): boolean {
  return /^\d{1,6}$/.test(typed.trim())
}

export interface BookingFilters {
  q?: string
  from?: string
  to?: string
}

/** Days do not narrow what an appointment's id names; a visit's number needs one day. */
export function asked({ q = '', from = '', to = '' }: BookingFilters): {
  number?: string
  date?: string
  from?: string
  to?: string
} {
  const number = q.trim()
  if (isAppointmentId(number)) return { number }
  if (isVisitNumber(number)) return said({ number, date: from })
  return said({ from, to })
}

/** Only what was given: an empty value is a question of its own to the server. */
function said<T extends Record<string, string>>(values: T): Partial<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== '')) as Partial<T>
}

const tones: Record<BookingState, string> = {
  held: 'tag-warning',
  booked: 'tag-success',
  suspended: 'tag-danger',
  expired: '',
  cancelled_by_patient: '',
  cancelled_by_hospital: 'tag-danger',
  rescheduled: 'tag-accent',
}

/** The class of a state's tag; its words say the same. */
export function toneOf(state: BookingState): string {
  return `tag ${tones[state]}`.trim()
}
