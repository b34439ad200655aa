// Who sits in a room, day by day.
import type { Schemas } from '../../../api/client'
import { type DayState, namedDay, releaseText } from '../../../parts/days'
import { timeText, yuan } from '../../../parts/format'
import { say, texts } from '../../../texts/catalog'

export type RoomSession = Schemas['RoomSession']

export interface RoomItem {
  id: string
  doctor: string
  date: string
  name: string
  title: string
  hours: string
  tone: DayState
  word: string
  fee: string
}

export interface RoomDay {
  date: string
  title: string
  items: RoomItem[]
}

/** The sessions by day, in the server's order, which is that of time. */
export function roomDays(sessions: readonly RoomSession[], today: string): RoomDay[] {
  const dates = [...new Set(sessions.map(({ date }) => date))]
  return dates.map((date) => ({
    date,
    title: namedDay(date, today),
    items: sessions.filter((session) => session.date === date).map((session) => itemOf(session, today)),
  }))
}

function itemOf(session: RoomSession, today: string): RoomItem {
  const { id, date, doctor, department, state } = session
  return {
    id,
    date,
    doctor: doctor.id,
    name: doctor.name,
    title: doctor.title,
    hours: say.joined([timeText(session.starts_at, session.ends_at), department.name]),
    tone: state,
    word: wordOf(session, today),
    fee: yuan(session.fee_fen),
  }
}

function wordOf({ state, free, release_at }: RoomSession, today: string): string {
  if (state === 'available') return say.available(free)
  return state === 'upcoming' ? releaseText(release_at, today) : texts.states[state]
}
