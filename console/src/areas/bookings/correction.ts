// What a clerk typed to correct a person, and what of it is sent: only what becomes another value.
import type { Schemas } from '@/api/client'
import { isReason, type File } from './file'

export type Evidence = Schemas['Evidence']

export interface Typed {
  name: string
  type: Schemas['DocumentType']
  number: string
  birthDate: string
  sex: Schemas['Sex']
  evidence: Evidence | ''
  reason: string
}

type Known = Pick<File['patient'], 'document_type' | 'birth_date' | 'sex'>

/** The form as it opens: name and number are masked, so they start empty. */
export function unchanged(known: Known): Typed {
  return {
    name: '',
    type: known.document_type,
    number: '',
    birthDate: known.birth_date,
    sex: known.sex,
    evidence: '',
    reason: '',
  }
}

/** Birth date and sex are printed apart; a resident's number carries them. */
export function asksBirth(typed: Typed): boolean {
  return typed.type !== 'resident_id'
}

type Changes = Omit<Schemas['CorrectionIn'], 'evidence' | 'reason'>

function birthChanges(typed: Typed, known: Known): Changes {
  if (!asksBirth(typed)) return {}
  return {
    ...(typed.birthDate && typed.birthDate !== known.birth_date ? { birth_date: typed.birthDate } : {}),
    ...(typed.sex !== known.sex ? { sex: typed.sex } : {}),
  }
}

function changesOf(typed: Typed, known: Known): Changes {
  const name = typed.name.trim()
  const number = typed.number.trim()
  return {
    ...(name ? { name } : {}),
    ...(number ? { document_type: typed.type, document_number: number } : {}),
    ...birthChanges(typed, known),
  }
}

/** What is sent, or null while something is missing: another kind of document needs its number. */
export function correctionOf(typed: Typed, known: Known): Schemas['CorrectionIn'] | null {
  const { evidence, reason } = typed
  const changes = changesOf(typed, known)
  if (evidence === '' || !isReason(reason) || Object.keys(changes).length === 0) return null
  if (typed.type !== known.document_type && !changes.document_number) return null
  return { ...changes, evidence, reason: reason.trim() }
}
