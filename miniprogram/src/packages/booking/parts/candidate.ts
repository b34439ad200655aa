// A slot that is about to be booked, and the patients to choose from, as the confirm page shows them.
import type { Schemas } from '../../../api/client'
import { dayText, timeText, yuan } from '../../../parts/format'
import { texts } from '../../../texts/booking'
import { otherPlaces, type Place, type SessionView } from './slot'
import { timeParts, type Visit } from './standing'

type Doctor = Schemas['DoctorOut']
export type Patient = Schemas['PatientOut']

export function visitAt({ session, slot }: Place, doctor: Doctor): Visit {
  return {
    day: dayText(session.date),
    ...timeParts(slot.starts_at, slot.ends_at),
    doctor: `${doctor.name} ${doctor.title}`.trim(),
    department: session.department.name,
    hospital: doctor.hospital.name,
    place: session.campus.name,
    room: session.room,
    address: '',
  }
}

/** Why the slot cannot be booked, before anybody tries; empty when it can. */
export function whyNot({ slot }: Place): string {
  return slot.bookable || !slot.reason ? '' : texts.confirm[slot.reason]
}

/** A slot as a choice in a list. */
export interface Choice {
  id: string
  day: string
  time: string
  fee: string
}

export function choiceOf({ session, slot }: Place): Choice {
  const time = timeText(slot.starts_at, slot.ends_at)
  return { id: slot.id, day: dayText(session.date), time, fee: yuan(session.fee_fen) }
}

export function otherChoices(sessions: readonly SessionView[], slotId: string, most: number): Choice[] {
  return otherPlaces(sessions, slotId, most).map(choiceOf)
}

export interface PatientChoice {
  id: string
  name: string
  note: string
}

export function patientChoices(patients: readonly Patient[]): PatientChoice[] {
  return patients.map(({ id, name, relation, verified }) => {
    const note = verified
      ? texts.relation[relation]
      : `${texts.relation[relation]} · ${texts.confirm.unverified}`
    return { id, name, note }
  })
}

function obvious(patients: readonly Patient[]): Patient | undefined {
  const self = patients.find(({ relation }) => relation === 'self')
  return self ?? (patients.length === 1 ? patients[0] : undefined)
}

/**
 * Whom to choose after the list was read: whoever was just added, else who was chosen, else the account's own holder
 * or the only one. With several and none of them oneself nobody is chosen: a guess could book for the wrong person.
 */
export function choosePatient(
  patients: readonly Patient[],
  before: readonly Patient[] | null,
  chosen: string,
): string {
  const kept = patients.find(({ id }) => id === chosen)
  return (addedTo(before ?? patients, patients) ?? kept ?? obvious(patients))?.id ?? ''
}

/** Who is new in a list that is otherwise the same: another account's list is new altogether. */
function addedTo(before: readonly Patient[], now: readonly Patient[]): Patient | undefined {
  const known = new Set(before.map(({ id }) => id))
  const fresh = now.filter(({ id }) => !known.has(id))
  return fresh.length === 1 && now.length === before.length + 1 ? fresh[0] : undefined
}
