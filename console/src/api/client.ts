// The API as typed calls, by the paths of openapi.json.
import { texts } from '@/texts/app'
import { address } from './address'
import { brokenAnswer, Offline, Refusal, retryAfter } from './refusal'
import { csrfToken, heardOf, loggedOut } from './session'
import { confirmationOf } from './touched'
import type { Arguments, Body, Operation, PathOf, Verb } from './typed'

export { Offline, Refusal } from './refusal'
export type { Body, Schemas } from './typed'

interface Loose {
  path?: object
  query?: object
  body?: unknown
  once?: string
  signal?: AbortSignal
  renews?: boolean
}

const silentForMs = 20_000
const uploadForMs = 180_000

/** A key for one deed: keep it over retries of the same deed, take a new one for the next. */
export function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
    byte.toString(16).padStart(2, '0'),
  ).join('')
}

function headersOf(method: string, { body, once }: Loose): Headers {
  const headers = new Headers({ accept: 'application/json' })
  if (body !== undefined && !isRaw(body)) headers.set('content-type', 'application/json')
  if (once) headers.set('idempotency-key', once)
  const token = csrfToken()
  if (method !== 'GET' && token) headers.set('x-csrf-token', token)
  return headers
}

/** Files go as they are; the browser names their type. */
function isRaw(body: unknown): body is FormData | Blob {
  return body instanceof FormData || body instanceof Blob
}

/** A file on a slow line takes longer than an answer may. */
function silenceOf(body: unknown): AbortSignal {
  return AbortSignal.timeout(isRaw(body) ? uploadForMs : silentForMs)
}

async function send(method: string, url: string, given: Loose): Promise<Response> {
  const silence = silenceOf(given.body)
  const signal = given.signal ? AbortSignal.any([given.signal, silence]) : silence
  const body = given.body === undefined || isRaw(given.body) ? given.body : JSON.stringify(given.body)
  try {
    const answer = await fetch(url, {
      method,
      headers: headersOf(method, given),
      body: body as BodyInit,
      signal,
    })
    heardOf(true)
    return answer
  } catch (error) {
    if (given.signal?.aborted) throw error
    heardOf(false)
    throw new Offline(String(error))
  }
}

function refusalOf(answer: Response, data: unknown): Refusal {
  const { code, title, ...extra } = Object(data) as Record<string, unknown>
  const wait = retryAfter(answer.headers.get('retry-after'), Date.now())
  const sentence = typeof title === 'string' && code ? title : texts.brokenAnswer
  return new Refusal(String(code ?? brokenAnswer), sentence, answer.status, wait, extra)
}

/** The answer's JSON. Networks in hospitals answer with a page of their own and say 200: that is none of ours. */
async function json(answer: Response): Promise<unknown> {
  if (answer.status === 204) return undefined
  const data: unknown = await answer.json().catch(() => null)
  if (typeof data !== 'object' || data === null) throw refusalOf(answer, data)
  return data
}

async function attempt(method: string, url: string, given: Loose): Promise<Response> {
  const answer = await send(method, url, given)
  if (!answer.ok) throw refusalOf(answer, await answer.json().catch(() => null))
  return answer
}

/** One call; a login that has ended is renewed by the person, then the call is made again. */
export async function call<T>(
  method: string,
  url: string,
  given: Loose,
  read: (answer: Response) => Promise<T>,
): Promise<T> {
  try {
    return await read(await attempt(method, url, given))
  } catch (error) {
    const isOver = error instanceof Refusal && ['not-logged-in', 'csrf-refused'].includes(error.code)
    if (!isOver || given.renews === false || !(await loggedOut())) throw error
    return read(await attempt(method, url, given))
  }
}

/** One call; an edit that touches people's appointments is asked about, and sent again when it is meant. */
async function confirmed<T>(given: Loose, send: (given: Loose) => Promise<T>): Promise<T> {
  try {
    return await send(given)
  } catch (error) {
    const confirm = await confirmationOf(error)
    if (!confirm) throw error
    const once = given.once && newKey()
    return confirmed({ ...given, once, query: { ...given.query, confirm } }, send)
  }
}

function verb<V extends Verb>(name: V) {
  return <P extends PathOf<V>>(path: P, ...[options]: Arguments<Operation<V, P>>): Promise<Body<V, P>> => {
    const given = (options ?? {}) as Loose
    return confirmed(given, (now) => call(name.toUpperCase(), address(path, now), now, json)) as Promise<
      Body<V, P>
    >
  }
}

export const api = {
  get: verb('get'),
  post: verb('post'),
  put: verb('put'),
  patch: verb('patch'),
  delete: verb('delete'),
}
