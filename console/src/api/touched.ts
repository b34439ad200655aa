// The question whether an edit that touches people's appointments is meant; the frame shows it, the call waits for the answer.
import { shallowRef } from 'vue'
import { Refusal } from './refusal'

/** What becomes of sessions and of the people in them, as the server tells it. */
export interface Touched {
  consequences: string[]
  first_day: string
  department_id: string | null
  doctor_id: string | null
  confirm: string
}

export const touched = shallowRef<Touched | null>(null)
let answer: ((save: boolean) => void) | null = null

export function answerTouched(save: boolean): void {
  touched.value = null
  answer?.(save)
  answer = null
}

/** The confirmation to send when the person means it, null for any other refusal and for a no. */
export async function confirmationOf(error: unknown): Promise<string | null> {
  if (!(error instanceof Refusal && error.code === 'edit-touches-sessions')) return null
  const told = error.extra as unknown as Touched
  touched.value = told
  const isMeant = await new Promise<boolean>((resolve) => {
    answer = resolve
  })
  return isMeant ? told.confirm : null
}
