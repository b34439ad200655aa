// The phone's storage. Where it is full or forbidden, what is kept lasts as long as the program runs.

const inMemory = new Map<string, unknown>()

/** What is kept under `key`; null when nothing is. */
export function kept<T>(key: string): T | null {
  if (inMemory.has(key)) return inMemory.get(key) as T
  try {
    const value = wx.getStorageSync(key) as T | ''
    return value === '' ? null : value
  } catch {
    return null
  }
}

export function keep(key: string, value: unknown): void {
  inMemory.delete(key)
  try {
    wx.setStorageSync(key, value)
  } catch {
    inMemory.set(key, value)
  }
}

export function drop(key: string): void {
  inMemory.delete(key)
  try {
    wx.removeStorageSync(key)
  } catch {
    inMemory.set(key, null)
  }
}
