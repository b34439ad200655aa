// The next free times of a doctor as big buttons, for care mode.
import { api } from '../../../api/client'
import type { SessionView, SlotView } from '../../../parts/clinic-sessions'
import { namedDay } from '../../../parts/days'
import { timeText, yuan } from '../../../parts/format'
import { say } from '../../../texts/catalog'

export interface NextTime {
  slot: string
  session: string
  day: string
  time: string
  note: string
}

/** As many as can be told apart at a glance. */
const most = 2

/** The first free slots of a doctor's sessions in one department. */
export function nextTimesOf(sessions: readonly SessionView[], department: string, today: string): NextTime[] {
  const own = sessions.filter((session) => session.department.id === department)
  const free = own.flatMap((session) =>
    session.slots.filter((slot) => slot.bookable).map((slot) => ({ session, slot })),
  )
  return free.slice(0, most).map(({ session, slot }) => timeOf(session, slot, today))
}

function timeOf(session: SessionView, slot: SlotView, today: string): NextTime {
  return {
    slot: slot.id,
    session: session.id,
    day: namedDay(session.date, today),
    time: timeText(slot.starts_at, slot.ends_at),
    note: say.joined([say.free(slot.free), yuan(session.fee_fen)]),
  }
}

/** Reads one day of a doctor, the one that is known to have places. */
export async function readNextTimes(
  doctor: string,
  department: string,
  date: string,
  today: string,
): Promise<NextTime[]> {
  const { items } = await api.get('/api/v1/doctors/{doctor_id}/sessions', {
    path: { doctor_id: doctor },
    query: { from: date, to: date },
  })
  return nextTimesOf(items, department, today)
}
