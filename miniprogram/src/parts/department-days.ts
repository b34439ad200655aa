// A department's doctors by day, the best news first.
import type { Schemas } from '../api/client'
import { type DayFact, namedDay, releaseText } from './days'
import { yuan } from './format'
import { say, texts } from '../texts/catalog'

export type DoctorDays = Schemas['DoctorDays']
export type DayView = Schemas['DayView']

export interface DoctorRow {
  id: string
  name: string
  title: string
  skills: string
  /** the day the row speaks of; null when the doctor does not sit at all */
  date: string | null
  tone: DayView['state'] | 'none'
  word: string
  fee: string
}

const rank: DayView['state'][] = ['available', 'upcoming', 'full', 'suspended', 'closed']

function isBetter(one: DayView, other: DayView): boolean {
  const difference = rank.indexOf(one.state) - rank.indexOf(other.state)
  return difference === 0 ? one.date < other.date : difference < 0
}

function best(days: readonly DayView[]): DayView | undefined {
  return days.reduce<DayView | undefined>(
    (found, day) => (found && !isBetter(day, found) ? found : day),
    undefined,
  )
}

/** The best news of each day over all doctors. */
export function factsOf(doctors: readonly DoctorDays[]): Map<string, DayFact> {
  const byDate = new Map<string, DayView>()
  for (const day of doctors.flatMap((doctor) => doctor.days)) {
    const known = byDate.get(day.date)
    if (!known || isBetter(day, known)) byDate.set(day.date, day)
  }
  return new Map([...byDate].map(([date, day]) => [date, { state: day.state, releaseAt: day.release_at }]))
}

/** The doctors of a day, or all of them with their best day when `date` is empty; who can be booked comes first. */
export function rowsOf(doctors: readonly DoctorDays[], date: string, today: string): DoctorRow[] {
  const found = doctors
    .map((doctor) => ({
      doctor,
      day: best(date ? doctor.days.filter((day) => day.date === date) : doctor.days),
    }))
    .filter(({ day }) => day !== undefined || !date)
  found.sort((one, other) => order(one.day, other.day))
  return found.map(({ doctor, day }) => rowOf(doctor, day, date, today))
}

function order(one: DayView | undefined, other: DayView | undefined): number {
  if (!one || !other) return Number(!one) - Number(!other)
  if (isBetter(one, other)) return -1
  return isBetter(other, one) ? 1 : 0
}

function rowOf(doctor: DoctorDays, day: DayView | undefined, date: string, today: string): DoctorRow {
  const { id, name, title, skills } = doctor
  const word = day ? wordOf(day, Boolean(date), today) : texts.states.none
  return {
    id,
    name,
    title,
    skills,
    date: day?.date ?? null,
    tone: day?.state ?? 'none',
    word,
    fee: day ? yuan(day.fee_fen) : '',
  }
}

function wordOf(day: DayView, dayIsChosen: boolean, today: string): string {
  if (day.state === 'upcoming') return releaseText(day.release_at, today)
  if (day.state !== 'available') return texts.states[day.state]
  return dayIsChosen ? say.available(day.free) : say.soonestDay(namedDay(day.date, today), day.free)
}
