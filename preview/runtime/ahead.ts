/** Answers that early.ts asked for before the program ran: each is taken once, by the request it stands for. */

export interface EarlyAnswer {
  response: Promise<Response>
  stop: AbortController
}

const OPENING_MS = 1000

function answers(): Map<string, EarlyAnswer> | undefined {
  return (globalThis as { __earlyAnswers?: Map<string, EarlyAnswer> }).__earlyAnswers
}

/** Only a plain GET is the request that was sent ahead; with a header more it is another one. */
function isPlain({ method, headers }: RequestInit): boolean {
  const given = Object.entries(headers as Record<string, string>)
  return method === 'GET' && given.length === 1 && given[0].join() === 'content-type,application/json'
}

/** The answer to this request if it has been asked for already. */
export function sentAhead(
  url: string,
  init: RequestInit,
  signal: AbortSignal,
): Promise<Response> | undefined {
  const { href } = new URL(url, location.href)
  const early = isPlain(init) ? answers()?.get(href) : undefined
  if (!early) return undefined
  answers()?.delete(href)
  signal.addEventListener('abort', () => early.stop.abort())
  return early.response
}

/** What the first page has not asked for is not kept: a later request wants a fresh answer. */
export function dropUnused(): void {
  setTimeout(() => {
    for (const { stop } of answers()?.values() ?? []) stop.abort()
    answers()?.clear()
  }, OPENING_MS)
}
