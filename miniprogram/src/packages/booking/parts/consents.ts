// Which texts a booking still needs the patient's or guardian's agreement to, and agreeing.
import { api, type Schemas } from '../../../api/client'

export type ConsentText = Schemas['ConsentTextOut']
type Kind = Schemas['ConsentKind']
type Given = Schemas['guahao__identity__api_patient__consents__ConsentOut']

/** Below this age the guardian agrees for the child, besides agreeing for the account. */
const ownConsentYears = 14

interface Person {
  id: string
  birth_date: string
}

export function isChild(birthDate: string, now: number): boolean {
  const [year, ...rest] = birthDate.split('-')
  return now < Date.parse(`${Number(year) + ownConsentYears}-${rest.join('-')}T00:00:00+08:00`)
}

export function missingKinds(given: readonly Given[], person: Person, now: number): Kind[] {
  const stands = (kind: Kind, patientId: string | null) =>
    given.some((one) => one.kind === kind && one.patient_id === patientId && !one.ended_at)
  const missing: Kind[] = []
  if (!stands('sensitive_personal_information', null)) missing.push('sensitive_personal_information')
  if (isChild(person.birth_date, now) && !stands('child_sensitive', person.id))
    missing.push('child_sensitive')
  return missing
}

export async function missingTexts(person: Person, now: number): Promise<ConsentText[]> {
  const [given, all] = await Promise.all([api.get('/api/v1/consents'), api.get('/api/v1/consent-texts')])
  const kinds = missingKinds(given.items, person, now)
  return all.items.filter((text) => kinds.includes(text.kind))
}

export async function agree(accepted: readonly ConsentText[], person: Person): Promise<void> {
  for (const { kind, version } of accepted) {
    const patient = kind === 'child_sensitive' ? { patient_id: person.id } : {}
    await api.post('/api/v1/consents', { body: { kind, version, ...patient } })
  }
}
