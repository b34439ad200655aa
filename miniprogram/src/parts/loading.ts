// What a page shows while it loads, when there is nothing, and when it went wrong.
import { Offline, Refusal } from '../api/refusal'
import { texts } from '../texts/app'

export type State = 'loading' | 'ready' | 'empty' | 'error' | 'offline' | 'login'
export interface Problem {
  code: string
  title: string
  retryAfterS: number | null
}
interface AnyPage {
  data: { state?: State }
  setData(data: Record<string, unknown>): void
}

/** An error as words to show; what is not the server's word is logged, since a program is at fault. */
export function problemOf(error: unknown): Problem {
  if (error instanceof Refusal)
    return { code: error.code, title: error.title, retryAfterS: error.retryAfterS }
  if (error instanceof Offline) return { code: 'offline', title: texts.offline, retryAfterS: null }
  console.error(error)
  return { code: 'unexpected', title: texts.unexpected, retryAfterS: null }
}

const loads = new WeakMap<object, () => Promise<void | 'empty'>>()
const latest = new WeakMap<object, symbol>()

/**
 * Runs `load` and keeps data.state and data.problem of the page: `loading` until it is done (a page that was shown
 * once stays shown while it loads again), then `ready`, `empty` when load says so, `login`, `offline` or `error`.
 * When a page loads twice at once, the later one counts.
 */
export async function shown(page: AnyPage, load: () => Promise<void | 'empty'>): Promise<void> {
  const mine = Symbol('load')
  loads.set(page, load)
  latest.set(page, mine)
  if (page.data.state !== 'ready') page.setData({ state: 'loading', problem: null })
  const outcome = await load().then((empty) => ({ state: empty ?? 'ready', problem: null }), failed)
  if (latest.get(page) === mine) page.setData(outcome)
}

function failed(error: unknown): { state: State; problem: Problem } {
  const problem = problemOf(error)
  const states: Record<string, State> = { offline: 'offline', 'not-logged-in': 'login' }
  return { state: states[problem.code] ?? 'error', problem }
}

/** Runs the page's last load again. */
export function retry(page: AnyPage): Promise<void> {
  const load = loads.get(page)
  return load ? shown(page, load) : Promise.resolve()
}
