/** What each mode of <picker> offers: columns of choices, and the value that they make. */
import type { Authored } from '../runtime/easel'

type Data = Record<string, Authored>

export interface Columns {
  labels: string[]
  /** the choices of every column when these indexes are chosen: days depend on the month */
  lists(chosen: number[]): string[][]
  /** where the columns stand at first */
  start(): number[]
  value(chosen: number[]): unknown
}

const two = (n: number) => String(n).padStart(2, '0')
const range = (from: number, to: number) =>
  Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => from + i)
const clamp = (text: string, low: string, high: string) => (text < low ? low : text > high ? high : text)

function textOf(item: unknown, key: string): string {
  return String(item !== null && typeof item === 'object' ? (item as Data)[key] : item)
}

function selector({ range: items = [], rangeKey, value }: Data): Columns {
  return {
    labels: ['选项'],
    lists: () => [items.map((item: unknown) => textOf(item, rangeKey))],
    start: () => [Number(value) || 0],
    value: ([index]) => index,
  }
}

function multiSelector({ range: columns = [], rangeKey, value }: Data): Columns {
  return {
    labels: columns.map((_: unknown, index: number) => `第 ${index + 1} 列`),
    lists: () => columns.map((items: unknown[]) => items.map((item) => textOf(item, rangeKey))),
    start: () => columns.map((_: unknown, index: number) => Number(value?.[index]) || 0),
    value: (chosen) => chosen,
  }
}

function time({ start, end, value }: Data): Columns {
  const [low, high] = [start || '00:00', end || '23:59']
  const [lowHour, highHour] = [Number(low.slice(0, 2)), Number(high.slice(0, 2))]
  const hours = range(lowHour, highHour)
  const minutes = (hour: number) =>
    range(hour === lowHour ? Number(low.slice(3)) : 0, hour === highHour ? Number(high.slice(3)) : 59)
  const now = new Date()
  const first = clamp(value || `${two(now.getHours())}:${two(now.getMinutes())}`, low, high)
  return {
    labels: ['时', '分'],
    lists: ([hour]) => [hours.map(two), minutes(hours[hour]).map(two)],
    start() {
      const hour = hours.indexOf(Number(first.slice(0, 2)))
      return [hour, minutes(hours[hour]).indexOf(Number(first.slice(3)))]
    },
    value: ([hour, minute]) => `${two(hours[hour])}:${two(minutes(hours[hour])[minute])}`,
  }
}

const today = () => {
  const now = new Date()
  return `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}`
}

/** Years, months and days between two dates, both included. */
function date({ start, end, value, fields = 'day' }: Data): Columns {
  const low = `${start || '1900-01-01'}-01-01`.slice(0, 10)
  const high = `${end || '2100-12-31'}-12-31`.slice(0, 10)
  const parts = (text: string) => text.split('-').map(Number)
  const [lowYear, lowMonth, lowDay] = parts(low)
  const [highYear, highMonth, highDay] = parts(high)
  const years = range(lowYear, highYear)
  const months = (year: number) => range(year === lowYear ? lowMonth : 1, year === highYear ? highMonth : 12)
  const days = (year: number, month: number) => {
    const first = year === lowYear && month === lowMonth ? lowDay : 1
    const last = new Date(year, month, 0).getDate()
    return range(first, year === highYear && month === highMonth ? Math.min(highDay, last) : last)
  }
  const depth = { year: 1, month: 2, day: 3 }[fields as 'day'] ?? 3
  const open = ([year, month]: number[]) => {
    const y = years[year]
    const ms = months(y)
    const m = ms[Math.min(month ?? 0, ms.length - 1)]
    return [years, ms, days(y, m)].slice(0, depth)
  }
  return {
    labels: ['年', '月', '日'].slice(0, depth),
    lists: (chosen) => open(chosen).map((list, column) => list.map((n) => `${n}${'年月日'[column]}`)),
    start() {
      const [y, m, d] = parts(clamp(`${value || today()}-01-01`.slice(0, 10), low, high))
      return [years.indexOf(y), months(y).indexOf(m), days(y, m).indexOf(d)].slice(0, depth)
    },
    value: (chosen) =>
      open(chosen)
        .map((list, column) => two(list[chosen[column]]))
        .join('-'),
  }
}

const MODES: Record<string, (data: Data) => Columns> = { selector, multiSelector, time, date }

export function columnsOf(data: Data): Columns | undefined {
  return MODES[data.mode]?.(data)
}
