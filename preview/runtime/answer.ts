/** How every wx API answers: success, fail and complete callbacks, or a promise when none of them is given. */
import type { Authored } from './easel'

export interface Callbacks {
  success?: (result: Authored) => void
  fail?: (error: Authored) => void
  complete?: (result: Authored) => void
}

/** A refusal in WeChat's words: the text after `name:fail `, and its numbers. */
export class Failure extends Error {
  constructor(
    message: string,
    readonly fields: { errno?: number; errCode?: number } & Record<string, unknown> = {},
  ) {
    super(message)
  }
}

function errorOf(name: string, error: unknown): { errMsg: string } {
  if (error instanceof Failure) return { errMsg: `${name}:fail ${error.message}`, ...error.fields }
  const given = (error as { errMsg?: unknown } | null)?.errMsg
  if (typeof given === 'string') return { ...(error as object), errMsg: given }
  return { errMsg: `${name}:fail ${error instanceof Error ? error.message : String(error)}` }
}

export function succeed(options: Callbacks, result: { errMsg: string }): void {
  options.success?.(result)
  options.complete?.(result)
}

export function fail(options: Callbacks, name: string, error: unknown): void {
  const answer = errorOf(name, error)
  options.fail?.(answer)
  options.complete?.(answer)
}

/** Makes a wx API of plain work: what the work returns are the fields of the answer beside errMsg. */
export function api<O extends object, R extends object | void>(
  name: string,
  work: (options: O) => R | Promise<R>,
) {
  return (given?: O & Callbacks): Promise<R & { errMsg: string }> | undefined => {
    const options = given ?? ({} as O & Callbacks)
    const answered = Promise.resolve(options)
      .then(work)
      .then((result) => ({ errMsg: `${name}:ok`, ...result }) as R & { errMsg: string })
    if (!options.success && !options.fail && !options.complete) {
      return answered.catch((error: unknown) => {
        throw errorOf(name, error)
      })
    }
    answered.then(
      (result) => succeed(options, result),
      (error: unknown) => fail(options, name, error),
    )
    return undefined
  }
}

const TYPES: Record<string, string> = {
  string: 'String',
  number: 'Number',
  object: 'Object',
  undefined: 'Undefined',
  boolean: 'Boolean',
}

/** WeChat's refusal of an option that is missing or of another type. */
export function require(options: object, types: Record<string, 'string' | 'number' | 'object'>): void {
  for (const [name, type] of Object.entries(types)) {
    const value = (options as Record<string, unknown>)[name]
    if (typeof value === type) continue
    const given = TYPES[typeof value] ?? typeof value
    throw new Failure(`parameter error: parameter.${name} should be ${TYPES[type]} instead of ${given};`, {
      errno: 1001,
    })
  }
}

/** Listeners of one kind of news: wx.onX and wx.offX. */
export function news<T>() {
  let listeners: ((value: T) => void)[] = []
  return {
    on(listener: (value: T) => void): void {
      listeners.push(listener)
    },
    off(listener?: (value: T) => void): void {
      listeners = listener ? listeners.filter((other) => other !== listener) : []
    },
    tell(value: T): void {
      for (const listener of [...listeners]) listener(value)
    },
    get size(): number {
      return listeners.length
    },
  }
}
