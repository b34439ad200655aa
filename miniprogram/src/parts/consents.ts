// Which texts a person agreed to, and agreeing to them.
import { api, type Schemas } from '../api/client'
import { drop, keep, kept } from '../api/storage'
import { openPage } from './open'

export type Kind = Schemas['ConsentKind']
export type Text = Schemas['ConsentTextOut']
export type Given = Schemas['guahao__identity__api_patient__consents__ConsentOut']

export async function consentTexts(): Promise<Text[]> {
  return (await api.get('/api/v1/consent-texts')).items
}

/** The agreement to the text in its current version that stands, for the account or for the child `patientId`. */
export function standing(
  given: readonly Given[],
  text: Text,
  patientId: string | null = null,
): Given | undefined {
  return given.find(
    (one) =>
      one.kind === text.kind &&
      one.version === text.version &&
      one.patient_id === patientId &&
      one.ended_at === null,
  )
}

const owedKey = 'agreed'

/** Tells the server of texts that were ticked; what does not reach it now is told at the next start. */
export async function agreeTo(texts: Text[]): Promise<void> {
  keep(
    owedKey,
    texts.map(({ kind, version }) => ({ kind, version })),
  )
  await tellAgreed().catch(() => undefined)
}

/** Agreeing twice changes nothing, so all of it is told again after a failure. */
export async function tellAgreed(): Promise<void> {
  const owed = kept<Schemas['AcceptedIn'][]>(owedKey) ?? []
  for (const body of owed) await api.post('/api/v1/consents', { body })
  drop(owedKey)
}

export function openText(kind: Kind): void {
  openPage(`/packages/account/consent-text/consent-text?kind=${kind}`)
}
