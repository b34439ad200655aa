import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { openPage } from './page'
import { type Answered, placeWx, type Sent } from './wx'

interface SearchPage {
  onLoad(options: { q?: string }): void
  onInput(event: { detail: { value: string } }): void
  onConfirm(): void
  onForget(): void
  onReachBottom(): void
}

function hit(name: string) {
  return { kind: 'doctor', id: name, name, hospital_id: '1', hospital_name: '示范医院', hint: '' }
}
const wordsOf = ({ url }: Sent) => decodeURIComponent(/[?&]q=([^&]*)/.exec(url)![1])
const titles = (page: { data: any }) =>
  page.data.groups.flatMap((group: any) => group.items.map((item: any) => item.title))

async function open(answer: (sent: Sent) => Answered | Promise<Answered>) {
  const world = placeWx(answer)
  const page = await openPage<SearchPage>(() => import('../src/packages/catalog/search/search'))
  page.onLoad({})
  return { ...world, page }
}

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

test('typing asks once, after a pause', async () => {
  const { page, log } = await open((sent) => ({ data: { items: [hit(wordsOf(sent))], next_cursor: null } }))

  for (const value of ['e', 'er', 'erke']) {
    page.onInput({ detail: { value } })
    await vi.advanceTimersByTimeAsync(100)
  }
  await vi.advanceTimersByTimeAsync(300)

  expect(log.map(wordsOf)).toEqual(['erke'])
  expect(titles(page)).toEqual(['erke'])
})

test('an answer that comes late does not replace a newer one', async () => {
  const { page } = await open(async (sent) => {
    const words = wordsOf(sent)
    await new Promise((resolve) => setTimeout(resolve, words === 'slow' ? 2000 : 10))
    return { data: { items: [hit(words)], next_cursor: null } }
  })

  page.onInput({ detail: { value: 'slow' } })
  await vi.advanceTimersByTimeAsync(400)
  page.onInput({ detail: { value: 'fast' } })
  await vi.advanceTimersByTimeAsync(5000)

  expect(titles(page)).toEqual(['fast'])
})

test('recent searches are kept once, the latest first, and can be forgotten', async () => {
  const { page, storage } = await open(() => ({ data: { items: [], next_cursor: null } }))

  for (const value of ['腹痛', '儿科', '腹痛']) {
    page.onInput({ detail: { value } })
    page.onConfirm()
  }
  expect(storage.get('searches')).toEqual(['腹痛', '儿科'])

  page.onForget()
  expect([storage.get('searches'), page.data.recent]).toEqual([undefined, []])
})

test('nothing found says so and what to try', async () => {
  const { page } = await open(() => ({ data: { items: [], next_cursor: null } }))

  page.onInput({ detail: { value: 'zzz' } })
  await vi.advanceTimersByTimeAsync(400)

  expect(page.data.state).toBe('empty')
  expect(page.data.nothing).toContain('没有找到“zzz”')
})

test('the next page follows at the bottom, and the last says so', async () => {
  const { page } = await open(({ url }) =>
    url.includes('cursor=two')
      ? { data: { items: [hit('乙')], next_cursor: null } }
      : { data: { items: [hit('甲')], next_cursor: 'two' } },
  )
  page.onInput({ detail: { value: '医' } })
  await vi.advanceTimersByTimeAsync(400)

  page.onReachBottom()
  page.onReachBottom()
  await vi.advanceTimersByTimeAsync(100)

  expect([titles(page), page.data.more]).toEqual([['甲', '乙'], 'end'])
})
