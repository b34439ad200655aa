// What can go wrong with a request: the server refuses and says why, or nobody answers.

/** The server's refusal; `title` is a Chinese sentence fit to show. `extra` holds the problem's other members. */
export class Refusal extends Error {
  constructor(
    readonly code: string,
    readonly title: string,
    readonly status: number,
    readonly retryAfterS: number | null,
    readonly extra: Record<string, unknown>,
  ) {
    super(`${status} ${code}`)
  }
}

/** No answer came: no network, or the server did not answer in time. */
export class Offline extends Error {}

/** The code of an answer that is not the server's own, as of a gateway whose server does not answer. */
export const brokenAnswer = 'no-problem-document'

/** Whether nobody knows if the deed was done: the answer was lost on its way. */
export function isUncertain(error: unknown): boolean {
  return error instanceof Offline || (error instanceof Refusal && error.status >= 500)
}

/** Seconds or an HTTP date, as Retry-After may be; null when there is none. */
export function retryAfter(header: string | null, now: number): number | null {
  if (!header) return null
  const seconds = /^\d+$/.test(header.trim()) ? Number(header) : Math.ceil((Date.parse(header) - now) / 1000)
  return Number.isNaN(seconds) ? null : Math.max(0, seconds)
}
