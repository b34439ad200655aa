/** The list itself: pure functions over items, and where they are kept. */
export interface Item {
  id: number
  name: string
  count: number
  price_fen: number
  done: boolean
}

const KEY = 'items'

const FIRST: Item[] = [
  { id: 1, name: '牛奶', count: 2, price_fen: 650, done: false },
  { id: 2, name: '面包', count: 1, price_fen: 1280, done: false },
  { id: 3, name: '鸡蛋', count: 12, price_fen: 110, done: true },
]

export function load(): Item[] {
  const kept = wx.getStorageSync<Item[] | ''>(KEY)
  if (kept) return kept
  save(FIRST)
  return FIRST
}

export function save(items: Item[]) {
  wx.setStorageSync(KEY, items)
}

export const total = (items: Item[]) =>
  items.filter(({ done }) => !done).reduce((sum, { count, price_fen }) => sum + count * price_fen, 0)

export const toggled = (items: Item[], id: number) =>
  items.map((item) => (item.id === id ? { ...item, done: !item.done } : item))

export const counted = (items: Item[], id: number, count: number) =>
  items.map((item) => (item.id === id ? { ...item, count } : item))

export function added(items: Item[], name: string): Item[] {
  const id = Math.max(0, ...items.map((item) => item.id)) + 1
  return [...items, { id, name, count: 1, price_fen: 0, done: false }]
}
