// Finding a slot among a doctor's sessions, and others that would do as well.
import type { Schemas } from '../../../api/client'

export type SessionView = Schemas['SessionView']
export type SlotView = Schemas['SlotView']

/** A slot with the session it belongs to. */
export interface Place {
  session: SessionView
  slot: SlotView
}

function placesOf(sessions: readonly SessionView[]): Place[] {
  return sessions.flatMap((session) => session.slots.map((slot) => ({ session, slot })))
}

export function findPlace(sessions: readonly SessionView[], slotId: string): Place | undefined {
  return placesOf(sessions).find((place) => place.slot.id === slotId)
}

/** Bookable slots other than `slotId`: those of the same session first, then the nearest in time. */
export function otherPlaces(sessions: readonly SessionView[], slotId: string, most: number): Place[] {
  const wanted = findPlace(sessions, slotId)
  const startsAt = wanted ? Date.parse(wanted.slot.starts_at) : 0
  const distance = ({ session, slot }: Place) =>
    Math.abs(Date.parse(slot.starts_at) - startsAt) + (session.id === wanted?.session.id ? 0 : 1e12)
  const others = placesOf(sessions).filter(({ slot }) => slot.bookable && slot.id !== slotId)
  return others.sort((one, other) => distance(one) - distance(other)).slice(0, most)
}
