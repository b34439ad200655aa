// What is typed or scanned at the desk: a phone, or a number that says whose it is.
import { isPhone, narrow } from '@values/typed'
import { readNumber, type DocumentType, type Reading } from '@values/document'

/** What was typed or read by a scanner: full-width figures and spaces are forgiven. */
export function written(typed: string): string {
  return narrow(typed).replaceAll(' ', '').toUpperCase()
}

/** Looks like a number of eighteen signs, which says birth date and sex, that is finished or on its way. */
export function isTellingNumber(typed: string): boolean {
  return /^[1-9]\d{5,16}[\dX]?$/.test(written(typed)) && !isPhone(typed)
}

/** What such a number says; those that begin with 9 are of foreign permanent residents. */
export function readTelling(typed: string): Reading & { type: DocumentType } {
  const type = written(typed).startsWith('9') ? 'foreign_permanent_residence' : 'resident_id'
  return { type, ...readNumber(type, typed) }
}
