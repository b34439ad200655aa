// A server for tests: answers what it was told to, and remembers what was asked.
import { vi } from 'vitest'

export interface Asked {
  method: string
  url: string
  headers: Headers
  body: unknown
}

type Answer = (asked: Asked) => Response | Promise<Response>

export const json = (data: unknown, status = 200, headers: Record<string, string> = {}) =>
  new Response(status === 204 ? null : JSON.stringify(data), {
    status,
    headers: { 'content-type': 'application/json', ...headers },
  })

export const problem = (code: string, status: number, extra: object = {}) =>
  json({ type: `/problems/${code}`, title: `title of ${code}`, status, code, ...extra }, status)

/** Each request takes the next answer; the last one stays. */
export function serve(...answers: Answer[]): Asked[] {
  const asked: Asked[] = []
  vi.stubGlobal('fetch', async (url: string, init: RequestInit) => {
    const one = {
      method: String(init.method),
      url,
      headers: new Headers(init.headers),
      body: typeof init.body === 'string' ? JSON.parse(init.body) : init.body,
    }
    asked.push(one)
    const answer = answers.length > 1 ? answers.shift() : answers[0]
    if (!answer) throw new Error(`nobody answers ${url}`)
    return answer(one)
  })
  return asked
}

export const me = (changes: object = {}) => ({
  id: 'm1',
  username: 'li',
  name: 'Li',
  hospital_id: '1',
  roles: ['hospital_admin'],
  permissions: ['own_login', 'manage_staff'],
  lacks_second_factor: false,
  csrf_token: 'token-1',
  idle_ends_at: new Date(Date.now() + 30 * 60_000).toISOString(),
  ends_at: new Date(Date.now() + 12 * 3600_000).toISOString(),
  ...changes,
})
