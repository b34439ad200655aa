// Which texts a booking still needs the patient's or guardian's agreement to, and agreeing.
import { api } from '../../../api/client'
import { standing, type Given, type Kind, type Text } from '../../../parts/consents'
import { dateOf } from '../../../parts/format'
import { isChild } from '../../../parts/new-patient'

interface Person {
  id: string
  birth_date: string
}

/** Texts whose current version is not agreed to: for the account, and by the guardian for a child. */
export function missing(all: readonly Text[], given: readonly Given[], person: Person, now: number): Text[] {
  const wanted: Partial<Record<Kind, string | null>> = { sensitive_personal_information: null }
  if (isChild(person.birth_date, dateOf(now))) wanted.child_sensitive = person.id
  return all.filter((text) => {
    const patientId = wanted[text.kind]
    return patientId !== undefined && !standing(given, text, patientId)
  })
}

export async function missingTexts(person: Person, now: number): Promise<Text[]> {
  const [given, all] = await Promise.all([api.get('/api/v1/consents'), api.get('/api/v1/consent-texts')])
  return missing(all.items, given.items, person, now)
}

export async function agree(accepted: readonly Text[], person: Person): Promise<void> {
  for (const { kind, version } of accepted) {
    const patient = kind === 'child_sensitive' ? { patient_id: person.id } : {}
    await api.post('/api/v1/consents', { body: { kind, version, ...patient } })
  }
}
