// A report of two people who have one document, in words.
import type { Body } from '@/api/client'
import { texts } from '@/texts/duplicates'

export type Duplicate = Body<'get', '/api/v1/staff/duplicates'>['items'][number]
type Person = Duplicate['people'][number]

/** 张*，女，1990-01-01 出生，居民身份证 110***********1234，138****8000 */
export function personText(person: Person): string {
  const { name, sex, birth_date: birth, document_type: type, document_number: number, phone } = person
  const facts = [name, texts.sexes[sex], texts.born(birth), `${texts.documents[type]} ${number}`]
  return [...facts, ...(phone ? [phone] : [])].join(texts.comma)
}

/** What came of it is told in four signs at least. */
export function isNote(note: string): boolean {
  return note.trim().length >= 4
}
