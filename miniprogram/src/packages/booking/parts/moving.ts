// Slots to move an appointment to, by session, with what each would mean for the money.
import { dayText, periodText, timeText, yuan } from '../../../parts/format'
import { texts } from '../../../texts/booking'
import type { SessionView } from './slot'

const t = texts.reschedule

export interface Difference {
  isDearer: boolean
  words: string
}

/** What is moved: its fee, its slot, and how a difference comes back where something was paid. */
export interface Moved {
  fee_fen: number
  slot_id: string
  allowed: { difference_text: string | null }
}

/** What another fee means; the server decides, this only says it beforehand. */
export function differenceOf(
  { fee_fen: oldFen, allowed }: Omit<Moved, 'slot_id'>,
  newFen: number,
): Difference {
  if (newFen > oldFen) return { isDearer: true, words: t.dearer(yuan(newFen)) }
  if (newFen < oldFen)
    return { isDearer: false, words: t.cheaper(yuan(oldFen - newFen), allowed.difference_text) }
  return { isDearer: false, words: '' }
}

/** A session as a group of slots to choose from. */
export interface Group {
  id: string
  day: string
  where: string
  fee: string
  isDearer: boolean
  words: string
  slots: { id: string; time: string; words: string; free: string }[]
}

/** Sessions with something to choose; a dearer one is shown too, since people look for it and want to know why not. */
export function groupsOf(sessions: readonly SessionView[], moved: Moved): Group[] {
  const groups = sessions.map((session) => {
    const day = dayText(session.date)
    return {
      id: session.id,
      day: `${day} ${periodText(session.period)}`,
      where: `${session.campus.name} ${session.room}`,
      fee: yuan(session.fee_fen),
      ...differenceOf(moved, session.fee_fen),
      slots: session.slots
        .filter((slot) => slot.bookable && slot.id !== moved.slot_id)
        .map(({ id, starts_at, ends_at, free }) => {
          const time = timeText(starts_at, ends_at)
          return { id, time: time.split(' ')[1], words: `${day} ${time}`, free: t.free(free) }
        }),
    }
  })
  return groups.filter(({ slots }) => slots.length)
}

/** A doctor to choose slots of. */
export interface DoctorChoice {
  id: string
  name: string
  title: string
}

/** The appointment's own doctor first, then the department's others who have places left. */
export function doctorChoices(
  own: DoctorChoice,
  others: readonly (DoctorChoice & { days: readonly { state: string }[] })[],
): DoctorChoice[] {
  const free = others.filter(
    ({ id, days }) => id !== own.id && days.some(({ state }) => state === 'available'),
  )
  return [own, ...free.map(({ id, name, title }) => ({ id, name, title }))]
}
