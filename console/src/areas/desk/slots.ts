// Which sessions fit what is typed, where the arrow keys lead, and out of which pool a place comes.
import type { Schemas } from '@/api/client'
import { timeText } from '@/parts/format'
import { searchWords } from './fold'

export type Session = Schemas['DeskSessionOut']
export type Slot = Schemas['DeskSlotOut']
export type Pool = 'free' | 'desk' | 'elderly' | 'referral'

export const pools: Pool[] = ['free', 'desk', 'elderly', 'referral']

/** Rows drawn at once; more are found by typing on. */
export const shownAtMost = 30

function names({ department, doctor, doctor_title: title }: Session): string[] {
  return [department, doctor]
    .flatMap(({ name, readings }) => [name, ...readings])
    .concat(title)
    .map((name) => searchWords(name).join(''))
}

/** A time as typed: 9, 930 or 9:30. */
function clock(word: string): string | null {
  const found = /^(\d{1,2}):?(\d{2})?$/.exec(word)
  if (!found) return null
  return `${found[1].padStart(2, '0')}${found[2] ? `:${found[2]}` : ''}`
}

/** Sessions that every typed word fits: a name, its pinyin or initials from their beginning, or a time. */
export function matching(sessions: Session[], typed: string): Session[] {
  const words = searchWords(typed)
  return sessions.filter((session) => words.every((word) => fits(session, word)))
}

function fits(session: Session, word: string): boolean {
  const time = clock(word)
  if (time !== null) return session.slots.some((slot) => timeText(slot.starts_at).startsWith(time))
  return names(session).some((name) => name.startsWith(word) || (/[^a-z]/.test(word) && name.includes(word)))
}

/** Whether anything of the slot can be given out. */
export function isOpen(slot: Slot): boolean {
  return slot.reason === null && pools.some((pool) => slot[pool] > 0)
}

/** The slot to start with: the typed time's, else the first with a place for somebody of this age, else with
 *  one kept for others; -1 where none has. */
export function firstSlot(session: Session, typed: string, age: number, elderlyAge: number): number {
  const times = searchWords(typed).map(clock)
  const wishes: ((slot: Slot) => boolean)[] = [
    (slot) => times.some((time) => time && timeText(slot.starts_at).startsWith(time)),
    (slot) => poolFor(slot, age, elderlyAge) !== null,
    () => true,
  ]
  for (const wish of wishes) {
    const at = session.slots.findIndex((slot) => isOpen(slot) && wish(slot))
    if (at !== -1) return at
  }
  return -1
}

/** The next slot with a place in a direction; stays where there is none. */
export function nextSlot(session: Session, from: number, by: 1 | -1): number {
  for (let at = from + by; at >= 0 && at < session.slots.length; at += by) {
    if (isOpen(session.slots[at])) return at
  }
  return from
}

/** The pool a person is served from: the elderly from theirs, so that others keep the free ones; null where
 *  only places kept for others are left, about which somebody has to decide. */
export function poolFor(slot: Slot, age: number, elderlyAge: number): Pool | null {
  if (age >= elderlyAge && slot.elderly > 0) return 'elderly'
  if (slot.free > 0) return 'free'
  return slot.desk > 0 ? 'desk' : null
}

/** How many places a slot has for anybody at the desk. */
export function left(slot: Slot): number {
  return pools.reduce((sum, pool) => sum + slot[pool], 0)
}
