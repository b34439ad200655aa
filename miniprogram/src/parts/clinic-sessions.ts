// A doctor's sessions as the calendar and the list of slots show them.
import type { Schemas } from '../api/client'
import { type DayFact, releaseText } from './days'
import { clockRange, periodText, yuan } from './format'
import { say, texts } from '../texts/catalog'

export type SessionView = Schemas['SessionView']
export type SlotView = Schemas['SlotView']
export type DayState = Schemas['DayState']

export interface SlotItem {
  id: string
  time: string
  word: string
  tone: 'free' | 'few' | 'none'
  canBook: boolean
  label: string
}

export interface SessionItem {
  id: string
  date: string
  period: string
  fee: string
  level: string
  place: string
  department: string
  state: DayState
  /** why nothing can be booked, empty when something can */
  note: string
  releaseAt: string
  slots: SlotItem[]
}

/** Up to this many places left the number is a warning. */
const few = 3

const rank: DayState[] = ['available', 'upcoming', 'full', 'suspended', 'closed']

/** A session in one word, from what the server says of its slots. */
export function stateOf(session: SessionView): DayState {
  if (session.slots.some((slot) => slot.bookable)) return 'available'
  if (session.state === 'published') return 'upcoming'
  if (session.state === 'suspended') return 'suspended'
  const open = session.slots.some(({ reason }) => reason !== 'past' && reason !== 'closed')
  return session.state === 'closed' || !open ? 'closed' : 'full'
}

/** The best news of each day. */
export function factsOf(sessions: readonly SessionView[]): Map<string, DayFact> {
  const facts = new Map<string, DayFact>()
  for (const session of sessions) {
    const state = stateOf(session)
    const known = facts.get(session.date)
    if (known && rank.indexOf(known.state) <= rank.indexOf(state)) continue
    facts.set(session.date, { state, releaseAt: session.release_at })
  }
  return facts
}

/** The moments (ms) at which sessions not released yet will be. */
export function releasesOf(sessions: readonly SessionView[]): number[] {
  return sessions
    .filter((session) => session.state === 'published')
    .map(({ release_at }) => Date.parse(release_at))
}

/** The day a page opens with: the one asked for, else the first with a place, else the first with good prospects. */
export function firstDay(facts: ReadonlyMap<string, DayFact>, asked: string, today: string): string {
  if (asked >= today) return asked
  const dates = [...facts.keys()].sort()
  const having = (state: DayState) => dates.find((date) => facts.get(date)?.state === state)
  return having('available') ?? having('upcoming') ?? dates[0] ?? today
}

/** The sessions of a day, ready to show. */
export function sessionsOf(sessions: readonly SessionView[], date: string, today: string): SessionItem[] {
  return sessions.filter((session) => session.date === date).map((session) => sessionItem(session, today))
}

function sessionItem(session: SessionView, today: string): SessionItem {
  const state = stateOf(session)
  const canBook = state === 'available'
  return {
    id: session.id,
    date: session.date,
    period: periodText(session.period),
    fee: yuan(session.fee_fen),
    level: texts.doctor.level[session.level as Schemas['DoctorLevel']] ?? '',
    place: say.roomOf(session.room, session.campus.name),
    department: session.department.name,
    state,
    note: canBook ? '' : noteOf(session, state, today),
    releaseAt: session.release_at,
    slots: canBook ? session.slots.filter((slot) => slot.reason !== 'past').map(slotItem) : [],
  }
}

/** Why nothing of a session can be booked: what holds for most of its slots still ahead. */
function noteOf(session: SessionView, state: DayState, today: string): string {
  if (state === 'upcoming') return say.releaseNote(releaseText(session.release_at, today))
  if (state === 'suspended') return texts.sessionReasons.suspended
  const reasons = session.slots.flatMap(({ reason }) => (reason && reason !== 'past' ? [reason] : []))
  const byHour = reasons.find(
    (reason) => reason === 'booking-closed-now' || reason === 'too-late-for-tomorrow',
  )
  return texts.sessionReasons[byHour ?? reasons[0] ?? 'past']
}

export function slotItem(slot: SlotView): SlotItem {
  const time = clockRange(slot.starts_at, slot.ends_at)
  const word = slot.bookable ? say.free(slot.free) : texts.slotReasons[slot.reason ?? 'closed']
  const tone = slot.bookable ? (slot.free <= few ? 'few' : 'free') : 'none'
  const label = [time, word, slot.bookable ? texts.doctor.book : ''].join(' ').trim()
  return { id: slot.id, time, word, tone, canBook: slot.bookable, label }
}

/** The first day after `date` with a place, else the first with one at all; null when there is none. */
export function nextDayWithPlaces(facts: ReadonlyMap<string, DayFact>, date: string): string | null {
  const dates = [...facts.keys()]
    .sort()
    .filter((day) => day !== date && facts.get(day)?.state === 'available')
  return dates.find((day) => day > date) ?? dates[0] ?? null
}
