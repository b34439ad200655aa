// Who of an account's patients may be somebody's guardian.
import type { Schemas } from '../api/client'
import { isGrownUp } from './new-patient'

type Patient = Schemas['PatientOut']

/** The grown-ups among them, as choices. */
export function guardianChoices(patients: Patient[], today: string): { value: string; text: string }[] {
  return patients
    .filter(({ birth_date: birthDate }) => isGrownUp(birthDate, today))
    .map(({ id, name }) => ({ value: id, text: name }))
}
