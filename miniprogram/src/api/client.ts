// The API as typed calls, by the paths of openapi.json.
import { serverNow } from './clock'
import { type Answer, type Method, send } from './http'
import { brokenAnswer, Refusal, retryAfter } from './refusal'
import { renew } from './renewal'
import type { components, paths } from './schema'
import { deviceToken, dropToken, token } from './token'
import { texts } from '../texts/app'

export type Schemas = components['schemas']

type Verb = 'get' | 'post' | 'put' | 'patch' | 'delete'
type PathOf<V extends Verb> = {
  [P in keyof paths]: paths[P][V] extends undefined ? never : P
}[keyof paths]
type Operation<V extends Verb, P extends PathOf<V>> = NonNullable<paths[P][V]>
type Json<C> = C extends { content: { 'application/json': infer T } } ? T : undefined
/** The body of the answer when all went well; undefined for 204. */
export type Body<V extends Verb, P extends PathOf<V>> =
  Operation<V, P> extends { responses: infer R } ? Json<R[keyof R & (200 | 201 | 202 | 204)]> : never

type Part<O, K extends 'path' | 'query'> = O extends { parameters: infer A }
  ? K extends keyof A
    ? A[K]
    : never
  : never
type Given<Name extends string, T> = [NonNullable<T>] extends [never]
  ? unknown
  : undefined extends T
    ? { [K in Name]?: T }
    : { [K in Name]: T }
type Sent<O> = O extends { requestBody: { content: { 'application/json': infer T } } } ? { body: T } : unknown
type Options<O> = Given<'path', Part<O, 'path'>> &
  Given<'query', Part<O, 'query'>> &
  Sent<O> & { once?: string }
type Arguments<O> = object extends Options<O> ? [options?: Options<O>] : [options: Options<O>]

interface Request {
  method: Method
  url: string
  body?: unknown
  once?: string
}

const reading = new Map<string, Promise<unknown>>()

/** A key for one deed: keep it over retries of the same deed, take a new one for the next. */
export function newKey(): string {
  const sixteen = () =>
    Math.floor(Math.random() * 0x10000)
      .toString(16)
      .padStart(4, '0')
  return Array.from({ length: 8 }, sixteen).join('')
}

function address(path: string, { path: parts = {}, query = {} }: { path?: object; query?: object }): string {
  const filled = path.replace(/\{(\w+)\}/g, (_, name) =>
    encodeURIComponent(String((parts as Record<string, unknown>)[name])),
  )
  const asked = Object.entries(query)
    .filter(([, value]) => value !== undefined && value !== null && value !== '')
    .map(([key, value]) => `${key}=${encodeURIComponent(String(value))}`)
  return asked.length ? `${filled}?${asked.join('&')}` : filled
}

/** One try with the token that is kept now. */
async function attempt(request: Request): Promise<Answer> {
  const kept = token()
  const header: Record<string, string> = {}
  const device = deviceToken()
  if (kept) header.authorization = `Bearer ${kept}`
  else if (device) header['x-device-token'] = device
  if (request.once) header['idempotency-key'] = request.once
  const answer = await send(request.method, request.url, header, request.body)
  if (isLoggedOut(answer) && kept === token()) dropToken()
  return answer
}

function isLoggedOut(answer: Answer): boolean {
  return answer.status === 401 && (answer.data as { code?: string } | null)?.code === 'not-logged-in'
}

function refusalOf(answer: Answer): Refusal {
  const problem = Object(answer.data) as Record<string, unknown>
  const { code, title, ...extra } = problem
  const wait = retryAfter(answer.header('retry-after'), serverNow())
  const sentence = typeof title === 'string' && code ? title : texts.brokenAnswer
  return new Refusal(String(code ?? brokenAnswer), sentence, answer.status, wait, extra)
}

async function call(request: Request): Promise<unknown> {
  let answer = await attempt(request)
  if (isLoggedOut(answer) && (await renew())) answer = await attempt(request)
  if (answer.status >= 400 || !isOurs(answer)) throw refusalOf(answer)
  return answer.status === 204 ? undefined : answer.data
}

/** Networks in hotels and hospitals answer everything with a page of their own, and say 200. */
function isOurs({ status, data }: Answer): boolean {
  return status === 204 || (typeof data === 'object' && data !== null)
}

/** Who asks for what is being read already waits for that answer. */
function read(url: string): Promise<unknown> {
  const key = `${token() ?? ''} ${url}`
  const running = reading.get(key)
  if (running) return running
  const asked = call({ method: 'GET', url }).finally(() => reading.delete(key))
  reading.set(key, asked)
  return asked
}

interface Loose {
  path?: object
  query?: object
  body?: unknown
  once?: string
}

function verb<V extends Verb>(name: V) {
  return <P extends PathOf<V>>(path: P, ...[options]: Arguments<Operation<V, P>>): Promise<Body<V, P>> => {
    const given = (options ?? {}) as Loose
    const url = address(path, given)
    const method = name.toUpperCase() as Method
    const answer = name === 'get' ? read(url) : call({ method, url, body: given.body, once: given.once })
    return answer as Promise<Body<V, P>>
  }
}

export const api = {
  get: verb('get'),
  post: verb('post'),
  put: verb('put'),
  patch: verb('patch'),
  delete: verb('delete'),
}
