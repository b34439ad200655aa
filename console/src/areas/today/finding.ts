// What the charts of the day say: the finding for the title, the lines, and the same numbers as a table.
import type { Schemas } from '@/api/client'
import type { Option } from '@/components/chart'
import { texts } from '@/texts/today'

export type Bookings = Schemas['BookingsOut']
type Hour = Schemas['HourBookings']
export type Fill = Schemas['Fill']

export interface Finding {
  title: string
  option: Option
  table: { heads: string[]; rows: (string | number)[][] }
}

const channels = ['online', 'desk', 'phone'] as const
const totalOf = (hour: Hour) => hour.online + hour.desk + hour.phone
const sum = (hours: Hour[]) => hours.reduce((total, hour) => total + totalOf(hour), 0)

/** How many today, and how the hours that are over compare with last week's; the running hour is not compared. */
export function comparison({ today, last_week }: Bookings, hour: number): string {
  const words = texts.bookings
  const total = sum(today.hours)
  if (total === 0) return words.none
  if (hour === 0) return words.sofar(total)
  const more = sum(today.hours.slice(0, hour)) - sum(last_week.hours.slice(0, hour))
  const compared = more === 0 ? words.same : more > 0 ? words.more(more) : words.fewer(-more)
  return words.sofar(total) + words.until(hour) + compared
}

function bookingsSeries({ today, last_week }: Bookings): Option['series'] {
  return [
    ...channels.map((channel) => ({
      type: 'bar' as const,
      stack: 'today',
      name: texts.channels[channel],
      data: today.hours.map((one) => one[channel]),
    })),
    {
      type: 'line',
      name: texts.bookings.lastWeek,
      step: 'middle',
      symbol: 'none',
      lineStyle: { type: 'dashed' },
      data: last_week.hours.map(totalOf),
    },
  ]
}

function bookingsRows({ today, last_week }: Bookings): (string | number)[][] {
  return today.hours
    .map((one, at) => ({ one, before: totalOf(last_week.hours[at]) }))
    .filter(({ one, before }) => totalOf(one) + before > 0)
    .map(({ one, before }) => [
      texts.bookings.clock(one.hour),
      one.online,
      one.desk,
      one.phone,
      totalOf(one),
      before,
    ])
}

export function bookingsChart(bookings: Bookings, hour: number): Finding {
  const words = texts.bookings
  return {
    title: comparison(bookings, hour),
    option: {
      tooltip: { trigger: 'axis' },
      legend: { top: 0 },
      grid: { left: 48, right: 16, top: 40, bottom: 44 },
      xAxis: {
        type: 'category',
        data: bookings.today.hours.map((one) => String(one.hour)),
        name: words.axisHour,
        nameLocation: 'middle',
        nameGap: 28,
      },
      yAxis: { type: 'value', name: words.axisCount, minInterval: 1 },
      series: bookingsSeries(bookings),
    },
    table: { heads: words.heads, rows: bookingsRows(bookings) },
  }
}

export function percentOf({ taken, places }: Pick<Fill, 'taken' | 'places'>): number {
  return places === 0 ? 0 : Math.round((taken / places) * 100)
}

/** The server puts the fullest department first. */
export function fillTitle(fill: Fill[]): string {
  const fullest = fill[0]
  if (!fullest) return texts.fill.none
  return fullest.taken === 0 ? texts.fill.even : texts.fill.finding(fullest.name, percentOf(fullest))
}

export const mostBars = 15

export function fillChart(fill: Fill[]): Finding {
  const words = texts.fill
  const shown = fill.slice(0, mostBars).reverse()
  return {
    title: fillTitle(fill),
    option: {
      tooltip: {
        trigger: 'item',
        formatter: (params: unknown) => {
          const one = shown[(params as { dataIndex: number }).dataIndex]
          return words.said(one.name, percentOf(one), one.taken, one.places)
        },
      },
      grid: { left: 8, right: 24, top: 8, bottom: 44, containLabel: true },
      xAxis: {
        type: 'value',
        min: 0,
        max: 100,
        name: words.axis,
        nameLocation: 'middle',
        nameGap: 28,
      },
      yAxis: { type: 'category', data: shown.map(({ name }) => name) },
      series: [
        {
          type: 'bar',
          name: words.taken,
          barMaxWidth: 18,
          data: shown.map(percentOf),
          label: { show: true, position: 'right', formatter: '{c}%' },
        },
      ],
    },
    table: {
      heads: words.heads,
      rows: fill.map((one) => [one.name, one.places, one.taken, percentOf(one), one.free]),
    },
  }
}

export function fillHeight(fill: Fill[]): number {
  return Math.max(160, 60 + 26 * Math.min(fill.length, mostBars))
}

/** 2 天 05:07:09 of a number of milliseconds; nothing once it is over. */
export function leftText(ms: number): string | null {
  if (ms <= 0) return null
  const seconds = Math.ceil(ms / 1000)
  const days = Math.floor(seconds / 86_400)
  const clock = [Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60, seconds % 60]
  const told = clock.map((value) => String(value).padStart(2, '0')).join(':')
  return days > 0 ? texts.days(days) + told : told
}

/** Where somebody goes to deal with a need; null where the page itself names what to look at. */
export const pages: Record<Schemas['NeedKind'], string | null> = {
  dead_letters: '/trouble',
  finance_cases: '/cases?state=open',
  refunds_waiting: '/refunds?state=awaiting_approval',
  fee_changes_waiting: '/fees',
  unverified_patients: '/desk',
  duplicate_persons: '/duplicates',
  low_places: '/schedule',
  closed_booked: '/schedule?view=month',
  holiday_sessions: '/schedule?view=month',
  holidays_unknown: '/exceptions',
  no_release: null,
  login_burst: null,
  request_burst: null,
  signature_burst: null,
  one_address: null,
}
