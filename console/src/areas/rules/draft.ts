// The rules as they stand in the form: from the server's values to what a person reads, and back.
import type { Schemas } from '@/api/client'
import { texts } from '@/texts/rules'

export type RuleSet = Schemas['RuleSetOut']
export type FormField = Schemas['FormField']
export type FormGroup = Schemas['FormGroup']
export type Values = Record<string, unknown>

/** All values of one version, side by side with the number of the version they began with. */
export type Draft = Values & { version: number }

export function draftOf(set: Pick<RuleSet, 'version' | 'rules'>): Draft {
  return { ...set.rules, version: set.version }
}

/** The values to send; a number field that was emptied goes as it is, so that the server names it. */
export function rulesOf({ version: _, ...rules }: Draft): Values {
  return rules
}

export function fieldsOf(groups: FormGroup[]): Map<string, FormField> {
  return new Map(groups.flatMap(({ fields }) => fields.map((field) => [field.name, field])))
}

export function labelsOf(groups: FormGroup[]): Record<string, string> {
  return Object.fromEntries([...fieldsOf(groups).values()].map(({ name, label }) => [name, label]))
}

/** 07:00 of 07:00:00. */
export function clockOf(value: unknown): string {
  return typeof value === 'string' ? value.slice(0, 5) : ''
}

/** What a time field holds: null where it was emptied and may be. */
export function timeOf(clock: string): string | null {
  return clock ? `${clock}:00` : null
}

/** What a number field holds; null while it is empty. */
export function numberOf(entered: string): number | null {
  return entered.trim() === '' ? null : Number(entered)
}

export function shownValue(field: FormField | undefined, value: unknown): string {
  if (value === null || value === undefined) return texts.unset
  if (typeof value === 'boolean') return value ? texts.yes : texts.no
  return field?.kind === 'time' ? clockOf(value) : String(value)
}

/** The moment of a local date and time in China as an input gives it; null is as soon as possible. */
export function momentOf(isLater: boolean, local: string): string | null {
  return isLater ? `${local}:00+08:00` : null
}

/** Which of the sentences nobody reads today. */
export function newSentences(before: string[], after: string[]): Set<string> {
  const known = new Set(before)
  return new Set(after.filter((sentence) => !known.has(sentence)))
}
