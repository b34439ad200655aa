// What the lists of money ask for: the hospital, and days as a person means them (the last one included).
import { addDays } from '@/parts/format'

interface Days {
  from?: string
  to?: string
}

/** The query of a list or an export; `owner` '0' asks for what belongs to no hospital. */
export function asked<Q extends Days & { owner?: string }>(query: Q, hospitalId: string | null) {
  const { owner, to, ...rest } = query
  const hospital_id = owner === '0' ? 0 : Number(hospitalId)
  return { ...rest, ...(to ? { to: addDays(to, 1) } : {}), hospital_id }
}

/** 1250 of "12.5", null for what is no amount in yuan. */
export function fenOf(yuan: string): number | null {
  const parts = /^(\d{1,7})(?:\.(\d{1,2}))?$/.exec(yuan.trim())
  return parts ? Number(parts[1]) * 100 + Number((parts[2] ?? '').padEnd(2, '0')) : null
}

/** "12.50" of 1250. */
export function yuanOf(fen: number): string {
  return (fen / 100).toFixed(2)
}

/** The id of an appointment an order is for, null for other orders. */
export function appointmentOf(subject: string): string | null {
  const [noun, id] = subject.split(':')
  return noun === 'appointment' && id ? id : null
}

/** The last eight characters of a long number, which is how people compare them. */
export function short(number: string): string {
  return number.length > 12 ? `…${number.slice(-8)}` : number
}
