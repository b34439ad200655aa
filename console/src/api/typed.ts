// What each call of the API takes and answers, derived from openapi.json.
import type { components, paths } from './schema'

export type Schemas = components['schemas']
export type Verb = 'get' | 'post' | 'put' | 'patch' | 'delete'
export type PathOf<V extends Verb> = {
  [P in keyof paths]: paths[P][V] extends undefined ? never : P
}[keyof paths]
export type Operation<V extends Verb, P extends PathOf<V>> = NonNullable<paths[P][V]>

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
type Sent<O> = O extends { requestBody: { content: infer C } }
  ? C extends { 'application/json': infer T }
    ? { body: T }
    : { body: FormData | Blob }
  : O extends { requestBody?: { content: { 'application/json': infer T } } }
    ? { body?: T }
    : unknown
type Options<O> = Given<'path', Part<O, 'path'>> &
  Given<'query', Part<O, 'query'>> &
  Sent<O> & {
    once?: string
    signal?: AbortSignal
    /** False: a login that has ended is told as a refusal, and the person is not asked to log in again. */
    renews?: boolean
  }
export type Arguments<O> = object extends Options<O> ? [options?: Options<O>] : [options: Options<O>]
