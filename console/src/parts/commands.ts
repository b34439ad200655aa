// What the command search offers for what was typed: pages, an appointment number, doctors.
import { texts } from '@/texts/app'
import type { MenuSection } from './menu'

export interface Command {
  kind: 'pages' | 'bookings' | 'doctors'
  title: string
  note?: string
  to: string
}

/** Pages whose title or group holds what was typed; all of them for nothing. */
export function pageCommands(sections: MenuSection[], typed: string): Command[] {
  const wanted = typed.trim().toLowerCase()
  return sections.flatMap(({ group, entries }) =>
    entries
      .filter(({ title, path }) => `${title} ${texts.groups[group]} ${path}`.toLowerCase().includes(wanted))
      .map(({ title, path }) => ({ kind: 'pages' as const, title, note: texts.groups[group], to: path })),
  )
}

/** Appointment numbers have digits, letters and dashes; a word of Chinese is none. */
export function bookingCommands(typed: string, mayView: boolean): Command[] {
  const number = typed.trim().toUpperCase()
  if (!mayView || !/^(?=.*\d)[A-Z0-9-]{4,32}$/.test(number)) return []
  return [
    {
      kind: 'bookings',
      title: texts.command.openBooking(number),
      to: `/bookings?q=${encodeURIComponent(number)}`,
    },
  ]
}

interface Doctor {
  id: string
  name: string
  title?: string | null
}

const most = 6

export function doctorCommands(doctors: Doctor[], typed: string): Command[] {
  const wanted = typed.trim()
  return doctors
    .filter(({ name }) => name.includes(wanted))
    .slice(0, most)
    .map(({ id, name, title }) => ({ kind: 'doctors', title: name, note: title ?? '', to: `/doctors/${id}` }))
}

/** The next one chosen by an arrow key, around the ends. */
export function moved(at: number, by: 1 | -1, count: number): number {
  return count === 0 ? 0 : (at + by + count) % count
}
