// Days as patients name them, and the strip of days with one word each.
import type { Schemas } from '../api/client'
import { clockText, dateOf, dayText } from './format'
import { say, texts } from '../texts/catalog'
import { texts as common } from '../texts/app'
import { addDays } from '../values/moment'

export type DayState = Schemas['DayState']

const dayMs = 24 * 3600_000

/** How many days a strip has at least; it grows to the last day that has a session. */
const leastDays = 14

/** 今天, 明天, 后天, or nothing. */
export function relativeDay(date: string, today: string): string {
  const names = [say.today, say.tomorrow, say.afterTomorrow]
  return names.find((_, days) => addDays(today, days) === date) ?? ''
}

/** 明天 11月24日 周二, or 11月28日 周六. */
export function namedDay(date: string, today: string): string {
  const name = relativeDay(date, today)
  return name ? say.daysOn(name, dayText(date)) : dayText(date)
}

/** 11月25日 周三 07:00 放号; today's without the day. */
export function releaseText(releaseAt: string, today: string): string {
  const clock = clockText(releaseAt)
  const day = dateOf(releaseAt)
  return day === today ? say.releaseClock(clock) : say.releaseMoment(namedDay(day, today), clock)
}

/** What is known of one day. */
export interface DayFact {
  state: DayState
  releaseAt: string
}

export interface StripDay {
  date: string
  top: string
  number: string
  word: string
  tone: DayState | 'none'
  label: string
}

/** The strip from today on: at least two weeks, and as far as there are sessions. */
export function stripOf(facts: ReadonlyMap<string, DayFact>, today: string): StripDay[] {
  const fortnight = addDays(today, leastDays - 1)
  const last = [...facts.keys()].reduce((latest, date) => (date > latest ? date : latest), fortnight)
  const count = Math.round((Date.parse(last) - Date.parse(today)) / dayMs) + 1
  return Array.from({ length: count }, (_, index) => stripDay(addDays(today, index), facts, today))
}

function stripDay(date: string, facts: ReadonlyMap<string, DayFact>, today: string): StripDay {
  const fact = facts.get(date)
  const at = new Date(date)
  const day = at.getUTCDate()
  const top = relativeDay(date, today) || common.weekdays[at.getUTCDay()]
  const number = day === 1 || date === today ? `${at.getUTCMonth() + 1}/${day}` : String(day)
  const [tone, word] = fact ? [fact.state, dayWord(fact, today)] : (['none', texts.states.none] as const)
  return { date, top, number, word, tone, label: [top, number, word, dayText(date)].join(' ') }
}

/** A day in one short word: 有号, 约满, 停诊, 07:00 放号 (today) or 25日放号. */
export function dayWord({ state, releaseAt }: DayFact, today: string): string {
  if (state !== 'upcoming') return texts.states[state]
  const day = dateOf(releaseAt)
  return day === today ? say.releaseClock(clockText(releaseAt)) : say.releaseDay(Number(day.slice(8)))
}
