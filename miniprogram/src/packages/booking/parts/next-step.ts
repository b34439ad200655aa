// What a patient can do after a refusal: one table from the server's problem codes to steps.
import { texts } from '../../../texts/booking'

/** A step that a page offers as a button; the page knows how to take it. */
export type Step =
  | 'slots' // other slots of this doctor, chosen on the spot
  | 'dates' // the doctor's calendar
  | 'countdown' // the doctor's page, which counts down to the release
  | 'appointment' // the appointment that stands in the way
  | 'appointments'
  | 'other-patient'
  | 'verify' // the patient's own page
  | 'consent'
  | 'departments' // the hospital's other departments
  | 'login'
  | 'pay'
  | 'channel' // another way to pay
  | 'retry'
  | 'call'

const STEPS: Readonly<Record<string, readonly Step[]>> = {
  'session-suspended': ['slots', 'dates', 'departments'],
  'slot-over': ['slots', 'dates'],
  'hospital-closed': ['call'],
  'campus-closed': ['dates', 'departments', 'call'],
  'department-closed': ['departments', 'call'],
  'doctor-inactive': ['departments', 'call'],
  'doctor-not-in-department': ['dates', 'departments', 'call'],
  'level-differs': ['slots', 'dates', 'call'],
  'template-ended': ['slots', 'dates'],
  'slot-not-released': ['countdown', 'slots'],
  'slot-full': ['slots', 'dates'],
  'slot-sold-out': ['slots', 'dates'],
  'booking-closed-now': ['dates', 'appointments'],
  'too-late-for-tomorrow': ['slots', 'dates'],
  'outside-booking-window': ['slots', 'dates'],
  'patient-not-verified': ['verify', 'other-patient'],
  'patient-consent-withdrawn': ['consent'],
  'consent-required': ['consent'],
  'consent-version-outdated': ['consent'],
  'already-booked': ['appointment', 'other-patient'],
  'department-day-limit': ['appointment', 'dates'],
  'time-conflict': ['slots', 'appointment'],
  'daily-limit': ['appointments', 'dates'],
  'daily-departments-limit': ['appointments', 'dates'],
  'weekly-limit': ['appointments', 'other-patient'],
  'monthly-limit': ['appointments', 'other-patient'],
  'booking-blocked': ['appointments', 'call'],
  'unpaid-holds-limit': ['appointments', 'call'],
  'moves-limit': ['appointment', 'call'],
  'department-sex-limit': ['other-patient', 'departments', 'appointments'],
  'department-age-limit': ['other-patient', 'departments', 'appointments'],
  'appointment-ended': ['appointments'],
  'appointment-being-confirmed': ['retry'],
  'appointment-not-paid': ['pay'],
  'cancel-too-late': ['call'],
  'reschedule-same-slot': ['slots'],
  'reschedule-fee-differs': ['slots', 'appointment'],
  'reschedule-other-hospital': ['appointment'],
  'order-not-payable': ['appointment'],
  'payment-channel-not-offered': ['channel'],
  'payment-channel-refused': ['channel', 'call'],
  'payment-channel-unavailable': ['retry', 'channel'],
  'payer-unknown': ['retry', 'channel'],
  'too-many-payments': ['appointment'],
  'wechat-login-refused': ['retry', 'channel'],
  'wechat-account-blocked': ['channel'],
  'wechat-unavailable': ['retry', 'channel'],
  'not-logged-in': ['login'],
  'not-found': ['dates', 'appointments', 'appointment'],
  'invalid-request': ['retry'],
  'idempotency-key-reused': ['retry'],
  'request-in-progress': ['retry'],
  'too-many-requests': ['retry'],
  'temporarily-unavailable': ['retry'],
  'internal-error': ['retry'],
}

/** Which steps each page can take. */
export const stepsOf = {
  confirm: [
    'slots',
    'dates',
    'countdown',
    'appointment',
    'appointments',
    'other-patient',
    'verify',
    'consent',
    'departments',
    'login',
    'retry',
    'call',
  ],
  payment: ['retry', 'channel', 'appointment', 'login', 'call'],
  appointment: ['retry', 'call', 'appointments', 'login'],
  reschedule: ['slots', 'verify', 'consent', 'retry', 'appointment', 'appointments', 'pay', 'call', 'login'],
} satisfies Record<string, Step[]>

/** A button: what it says and what it does. */
export interface Way {
  step: Step
  label: string
}

/** Whether the table knows a code; one it does not know is answered by trying again. */
export function knows(code: string): boolean {
  return code in STEPS
}

/** The ways on from a refusal, the best first, of those that the page can take. */
export function waysOn(code: string, canTake: readonly Step[]): Way[] {
  const steps = (STEPS[code] ?? ['retry']).filter((step) => canTake.includes(step))
  return steps.map((step) => ({ step, label: texts.step[step] }))
}
