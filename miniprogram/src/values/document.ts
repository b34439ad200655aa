// What an identity document's number says, checked while it is typed; the rules are the server's (GB 11643).
import { narrow } from './typed'

/** The kinds of the API, which no module of values imports. */
export type DocumentType =
  | 'resident_id'
  | 'passport'
  | 'hk_macao_permit'
  | 'taiwan_permit'
  | 'foreign_permanent_residence'
  | 'birth_certificate'
export type Sex = 'male' | 'female'
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
  resident_id: /^[0-8]\d{16}[\dX]$/,
  passport: /^(?=.*\d)[A-Z0-9]{6,12}$/,
  hk_macao_permit: /^([HM]\d{8}|[HM]A\d{7})(\d{2})?$/,
  taiwan_permit: /^\d{8}(\d{2}([A-Z]|[A-Z0-9]\))?)?$/,
  foreign_permanent_residence: /^([A-Z]{3}\d{12}|9\d{16}[\dX])$/,
  birth_certificate: /^[A-Z]\d{9}$/,
}
const provinces = /^(1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|8[1-3])/
const weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]
/** Signs by which the holder of a permit is known for life; what follows counts renewals. */
const lifelong: Partial<Record<DocumentType, number>> = { hk_macao_permit: 9, taiwan_permit: 8 }

export function readNumber(type: DocumentType, typed: string): Reading {
  const written = withoutBrackets(type, writtenNumber(typed))
  if (!shapes[type].test(written)) return { number: written, fault: 'shape', holder: null }
  const number = written.slice(0, lifelong[type])
  return number.length === 18 ? { number, ...readCitizen(number) } : { number, fault: null, holder: null }
}

// Capitals of Cyrillic and Greek that look like Latin ones, and signs that are drawn for an X.
const alike =
  '\u0410\u0412\u0415\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0423\u0425' +
  '\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7\u00d7\u2715\u2573'
const latin = 'ABEKMHOPCTYX' + 'ABEZHIKMNOPTYX' + 'X'.repeat(3)

function writtenNumber(typed: string): string {
  return narrow(typed.replace(/\u2116/g, 'No.'))
    .toUpperCase()
    .replace(/^N[O\u00b0][.:]+/, '')
    .replace(/[ \-\u2010-\u2015\u2212.\u00b7<]/g, '')
    .replace(/[^\x00-\x7f]/g, (sign) => latin[alike.indexOf(sign)] ?? sign)
}

/** Permits print the count of issues and the office in brackets: H12345678(01), 0123456789(B). */
function withoutBrackets(type: DocumentType, number: string): string {
  const match = /^(.*)[([\u3010](\d{2}|[A-Z0-9])[)\]\u3011]$/.exec(number)
  if (!match || !lifelong[type]) return number
  if (type === 'hk_macao_permit') return match[2].length === 2 ? match[1] + match[2] : number
  return match[1] + match[2] + (/^\d$/.test(match[2]) ? ')' : '')
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

/** Full years of age of somebody born on `birthDate`, both as 1990-03-07. */
export function ageOn(today: string, birthDate: string): number {
  const years = Number(today.slice(0, 4)) - Number(birthDate.slice(0, 4))
  return years - (today.slice(5) < birthDate.slice(5) ? 1 : 0)
}
