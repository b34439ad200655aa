// What differs between versions of one thing, told in the person's words.
import { texts } from '@/texts/app'

export interface Change {
  key: string
  label: string
  from: string
  to: string
}

export interface Difference {
  key: string
  label: string
  before: string
  theirs: string
  mine: string
  /** Both changed it, and not to the same. */
  isContested: boolean
}

export interface Words {
  labels: Record<string, string>
  show?: (key: string, value: unknown) => string
}

const same = (one: unknown, other: unknown) => JSON.stringify(one) === JSON.stringify(other)
const member = (thing: object, key: string) => (thing as Record<string, unknown>)[key]

function plain(value: unknown): string {
  if (value === null || value === undefined || value === '') return texts.none
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

function shown({ show }: Words, key: string, value: unknown): string {
  return show ? show(key, value) : plain(value)
}

export function changesOf(from: object, to: object, words: Words): Change[] {
  return Object.entries(words.labels)
    .filter(([key]) => !same(member(from, key), member(to, key)))
    .map(([key, label]) => ({
      key,
      label,
      from: shown(words, key, member(from, key)),
      to: shown(words, key, member(to, key)),
    }))
}

/** Everything that either of two editors changed since `before`. */
export function differencesOf(before: object, theirs: object, mine: object, words: Words): Difference[] {
  return Object.entries(words.labels)
    .map(([key, label]) => {
      const [was, now, wanted] = [before, theirs, mine].map((thing) => member(thing, key))
      return {
        key,
        label,
        before: shown(words, key, was),
        theirs: shown(words, key, now),
        mine: shown(words, key, wanted),
        isTouched: !same(was, now) || !same(was, wanted),
        isContested: !same(was, now) && !same(was, wanted) && !same(now, wanted),
      }
    })
    .filter(({ isTouched }) => isTouched)
    .map(({ isTouched: _, ...difference }) => difference)
}

/** Their version with what I changed since `before` on top. */
export function merged<T extends object>(before: T, theirs: T, mine: T): T {
  const changed = Object.entries(mine).filter(
    ([key, value]) => key !== 'version' && !same(member(before, key), value),
  )
  return structuredClone({ ...theirs, ...Object.fromEntries(changed) }) as T
}
