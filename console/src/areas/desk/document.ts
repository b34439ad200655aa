// What a resident's number says about its holder, checked while it is typed; the server checks again.
import { isMobile, narrow } from '@/parts/values'

export type Sex = 'male' | 'female'

export interface Said {
  birthDate: string
  sex: Sex
}

export type Fault = 'short' | 'birth' | 'checksum'

const weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]
const checkSigns = '10X98765432'

/** What was typed or read by a scanner: full-width figures and spaces are forgiven. */
export function written(typed: string): string {
  return narrow(typed).replaceAll(' ', '').toUpperCase()
}

export function isPhone(typed: string): boolean {
  return isMobile(typed)
}

/** Looks like a resident's number that is finished or on its way. */
export function isResidentNumber(typed: string): boolean {
  return /^[1-9]\d{5,16}[\dX]?$/.test(written(typed)) && !isPhone(typed)
}

/** GB 11643: birth date, sex and a check sign. */
export function readNumber(typed: string): Said | Fault {
  const number = written(typed)
    .replace(/[\-\u2010-\u2015\u2212.]/g, '')
    .replace(/[\u0425\u03a7\u00d7]/g, 'X')
  if (!/^\d{17}[\dX]$/.test(number)) return 'short'
  const birthDate = `${number.slice(6, 10)}-${number.slice(10, 12)}-${number.slice(12, 14)}`
  const birth = new Date(`${birthDate}T00:00:00Z`)
  if (Number.isNaN(birth.getTime()) || birth.toISOString().slice(0, 10) !== birthDate) return 'birth'
  const sum = weights.reduce((total, weight, at) => total + weight * Number(number[at]), 0)
  if (checkSigns[sum % 11] !== number[17]) return 'checksum'
  return { birthDate, sex: Number(number[16]) % 2 ? 'male' : 'female' }
}

/** Full years on a day, both as 2026-11-26. */
export function ageOn(birthDate: string, day: string): number {
  const years = Number(day.slice(0, 4)) - Number(birthDate.slice(0, 4))
  return birthDate.slice(5) > day.slice(5) ? years - 1 : years
}
