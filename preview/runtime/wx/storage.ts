/** wx storage in localStorage under a prefix; in memory where the browser forbids it. */
import { Failure, api } from '../answer'
import type { Authored } from '../easel'

const PREFIX = 'mp:'
const LIMIT_KB = 10 * 1024

class Memory implements Pick<Storage, 'getItem' | 'setItem' | 'removeItem'> {
  private readonly items = new Map<string, string>()
  getItem = (key: string) => this.items.get(key) ?? null
  setItem = (key: string, value: string) => void this.items.set(key, value)
  removeItem = (key: string) => void this.items.delete(key)
  keys = () => Array.from(this.items.keys())
}

function findStore() {
  try {
    const store = globalThis.localStorage
    store.setItem(`${PREFIX}$probe`, '')
    store.removeItem(`${PREFIX}$probe`)
    return { store, keys: () => Object.keys(store) }
  } catch {
    const store = new Memory()
    return { store, keys: store.keys }
  }
}

const { store, keys } = findStore()

/** Keys of the runtime itself begin with `$` and are not the program's. */
function ownKeys(): string[] {
  return keys()
    .filter((key) => key.startsWith(PREFIX) && key[PREFIX.length] !== '$')
    .map((key) => key.slice(PREFIX.length))
}

export function setStorageSync(key: string, data: unknown): void {
  try {
    store.setItem(PREFIX + key, JSON.stringify({ data }))
  } catch {
    throw new Error('setStorageSync:fail exceed storage max size 10Mb')
  }
}

function read(key: string): { data?: unknown } | undefined {
  const text = store.getItem(PREFIX + key)
  return text === null ? undefined : (JSON.parse(text) as { data?: unknown })
}

export function getStorageSync(key: string): Authored {
  return read(key)?.data ?? ''
}

export function removeStorageSync(key: string): void {
  store.removeItem(PREFIX + key)
}

export function clearStorageSync(): void {
  for (const key of ownKeys()) removeStorageSync(key)
}

export function getStorageInfoSync() {
  const bytes = ownKeys().reduce(
    (sum, key) => sum + key.length + (store.getItem(PREFIX + key)?.length ?? 0),
    0,
  )
  return { keys: ownKeys(), currentSize: Math.ceil(bytes / 1024), limitSize: LIMIT_KB }
}

export const setStorage = api('setStorage', ({ key, data }: { key: string; data: unknown }) => {
  try {
    setStorageSync(key, data)
  } catch {
    throw new Failure('exceed storage max size 10Mb')
  }
})

export const getStorage = api('getStorage', ({ key }: { key: string }) => {
  const found = read(key)
  if (!found) throw new Failure('data not found')
  return { data: found.data }
})

export const removeStorage = api('removeStorage', ({ key }: { key: string }) => removeStorageSync(key))
export const clearStorage = api('clearStorage', () => clearStorageSync())
export const getStorageInfo = api('getStorageInfo', () => getStorageInfoSync())
