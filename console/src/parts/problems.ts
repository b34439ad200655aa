// What a person is told about an error: a sentence, and whether trying again can help.
import { Offline, Refusal } from '@/api/refusal'
import { texts } from '@/texts/app'

export interface Told {
  kind: 'offline' | 'forbidden' | 'error'
  title: string
  why: string
  canRetry: boolean
}

/** The sentence of an error: the server's own, or ours where it could not say any. */
export function sentence(error: unknown): string {
  if (error instanceof Refusal) return error.title
  return error instanceof Offline ? texts.state.offlineDeed : texts.unexpected
}

export function told(error: unknown): Told {
  const { state } = texts
  if (error instanceof Offline) {
    return { kind: 'offline', title: state.offlineTitle, why: state.offlineWhy, canRetry: true }
  }
  if (error instanceof Refusal && error.status === 403) {
    return { kind: 'forbidden', title: state.forbiddenTitle, why: state.forbiddenWhy, canRetry: false }
  }
  const isGone = error instanceof Refusal && error.status === 404
  return {
    kind: 'error',
    title: isGone ? error.title : state.errorTitle,
    why: isGone ? '' : sentence(error),
    canRetry: !isGone,
  }
}

/** What is wrong with each field, by its name, of a refused form. */
export function fieldErrors(error: unknown): Record<string, string> {
  const errors = error instanceof Refusal ? error.extra.errors : null
  if (!Array.isArray(errors)) return {}
  return Object.fromEntries(
    (errors as Record<string, string>[]).map((one) => [
      String(one.field).split('.').at(-1),
      one.message ?? one.reason,
    ]),
  )
}
