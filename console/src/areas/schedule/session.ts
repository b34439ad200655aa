// A session as a form, and what stopping it means; without a screen.
import type { Body, Schemas } from '@/api/client'
import { texts } from '@/texts/schedule'
import { dayAndTime, momentOf } from './calendar'

export type Session = Body<'get', '/api/v1/staff/sessions/{session_id}'>
export type Slot = Session['slots'][number]

export const pools = ['desk', 'elderly', 'referral', 'later'] as const
type Pool = (typeof pools)[number]

export interface SlotDraft extends Record<Pool, number> {
  id: string
  starts_at: string
  ends_at: string
  capacity: number
}

export interface SessionDraft {
  version: number
  room: string
  release_day: string
  release_time: string
  slots: SlotDraft[]
}

export function draftOf(session: Session): SessionDraft {
  const { day, time } = dayAndTime(session.release_at)
  return {
    version: session.version,
    room: session.room,
    release_day: day,
    release_time: time,
    slots: session.slots.map(({ id, starts_at, ends_at, capacity, desk, elderly, referral, later }) => ({
      id,
      starts_at,
      ends_at,
      capacity,
      desk,
      elderly,
      referral,
      later,
    })),
  }
}

/** The fewest places a slot can do with: what is taken, and what its pools keep. */
export function leastOf(slot: Slot, kept: Record<Pool, number>): number {
  const taken = slot.held + slot.booked + slot.cooling
  return Math.max(0, taken + pools.reduce((sum, pool) => sum + kept[pool], 0) - slot.addons)
}

/** The request that saves a draft: slots that did not change are left out, a draft session's pools too. */
export function editOf(session: Session, draft: SessionDraft): Schemas['SessionEditIn'] {
  const before = new Map(draftOf(session).slots.map((slot) => [slot.id, JSON.stringify(slot)]))
  const changed = draft.slots.filter((slot) => before.get(slot.id) !== JSON.stringify(slot))
  const { day, time } = dayAndTime(session.release_at)
  const isSame = day === draft.release_day && time === draft.release_time
  return {
    version: draft.version,
    room: draft.room.trim(),
    // The stored moment may have seconds of jitter that the fields do not show.
    release_at: isSame ? session.release_at : momentOf(draft.release_day, draft.release_time),
    slots: changed.map(({ id, capacity, desk, elderly, referral, later }) => ({
      id,
      capacity,
      pools: session.state === 'draft' ? null : { desk, elderly, referral, later },
    })),
  }
}

export type Counter = 'capacity' | 'addons' | 'booked' | 'held' | 'free' | Pool | 'cooling' | 'frozen'

export const counters: Counter[] = [
  'capacity',
  'addons',
  'booked',
  'held',
  'free',
  ...pools,
  'cooling',
  'frozen',
]

export const counterWords: Record<Counter, string> = {
  capacity: texts.capacity,
  addons: texts.addons,
  booked: texts.booked,
  held: texts.held,
  free: texts.freePlaces,
  desk: texts.desk,
  elderly: texts.elderly,
  referral: texts.referral,
  later: texts.later,
  cooling: texts.cooling,
  frozen: texts.frozen,
}

export function totalOf(slots: readonly Slot[], counter: Counter): number {
  return slots.reduce((sum, slot) => sum + slot[counter], 0)
}

/** The slots that places can still be added to: not begun, in a session that the catalogue has not closed. */
export function addonSlots(session: Session, now: number): Slot[] {
  return session.closed_by ? [] : session.slots.filter((slot) => Date.parse(slot.starts_at) > now)
}

/** Counters worth a column: the main ones, and any that is not nought. */
export function columnsShown(slots: readonly Slot[]): Counter[] {
  const main: Counter[] = ['capacity', 'booked', 'free']
  return counters.filter((one) => main.includes(one) || totalOf(slots, one) > 0)
}

/** What a suspension means for whom, in sentences. */
export function consequences(slots: readonly Slot[]): string[] {
  const booked = totalOf(slots, 'booked')
  const held = totalOf(slots, 'held')
  const open = (['free', ...pools, 'cooling'] as const).reduce((sum, one) => sum + totalOf(slots, one), 0)
  return [
    ...(booked ? [texts.toldBooked(booked)] : [texts.toldNobody]),
    ...(held ? [texts.toldHeld(held)] : []),
    ...(open ? [texts.toldFree(open)] : []),
  ]
}
