// What an identity document's number says, checked while it is typed; the rules are the server's (GB 11643).
import type { Schemas } from '../api/client'

export type DocumentType = Schemas['DocumentType']
export type Sex = Schemas['Sex']
/** Why a number cannot be one: its shape, the region, the birth date or the check digit. */
export type NumberFault = 'shape' | 'region' | 'birth' | 'checksum'

export interface Holder {
  birthDate: string
  sex: Sex
}
export interface Reading {
  /** As it is sent. */
  number: string
  fault: NumberFault | null
  /** Known where the number carries it. */
  holder: Holder | null
}

const shapes: Record<DocumentType, RegExp> = {
  resident_id: /^[1-68]\d{16}[\dX]$/,
  passport: /^(?=.*\d)[A-Z0-9]{6,12}$/,
  hk_macao_permit: /^[HM]\d{8}(\d{2})?$/,
  taiwan_permit: /^(\d{8}|\d{10}[A-Z]?)$/,
  foreign_permanent_residence: /^([A-Z]{3}\d{12}|9\d{16}[\dX])$/,
  birth_certificate: /^[A-Z]\d{9}$/,
}
const provinces = /^(1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[1-3])/
const weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]
const nameSigns = /^\p{L}[\p{L}·•.'’\- ]{1,49}$/u

export function readNumber(type: DocumentType, typed: string): Reading {
  const number = typed.normalize('NFKC').replace(/\s/g, '').toUpperCase()
  if (!shapes[type].test(number)) return { number, fault: 'shape', holder: null }
  return number.length === 18 ? { number, ...readCitizen(number) } : { number, fault: null, holder: null }
}

function readCitizen(number: string): Omit<Reading, 'number'> {
  if (number[0] !== '9' && !provinces.test(number)) return { fault: 'region', holder: null }
  const birthDate = dateOfDigits(number.slice(6, 14))
  if (!birthDate) return { fault: 'birth', holder: null }
  if (checkDigit(number) !== number[17]) return { fault: 'checksum', holder: null }
  return { fault: null, holder: { birthDate, sex: Number(number[16]) % 2 ? 'male' : 'female' } }
}

/** The eighteenth sign by ISO 7064 MOD 11-2 over the first seventeen. */
function checkDigit(number: string): string {
  const sum = weights.reduce((total, weight, at) => total + weight * Number(number[at]), 0)
  return '10X98765432'[sum % 11]
}

/** 1990-03-07 of 19900307, or null when there is no such day. */
export function dateOfDigits(digits: string): string | null {
  const match = /^(\d{4})(\d{2})(\d{2})$/.exec(digits)
  if (!match) return null
  const date = match.slice(1).join('-')
  const read = new Date(`${date}T00:00:00Z`)
  return !Number.isNaN(read.getTime()) && read.toISOString().startsWith(date) ? date : null
}

export function isName(typed: string): boolean {
  return nameSigns.test(typed.normalize('NFKC').trim().replace(/\s+/g, ' '))
}

/** Full years of age of somebody born on `birthDate`, both as 1990-03-07. */
export function ageOn(today: string, birthDate: string): number {
  const years = Number(today.slice(0, 4)) - Number(birthDate.slice(0, 4))
  return years - (today.slice(5) < birthDate.slice(5) ? 1 : 0)
}
