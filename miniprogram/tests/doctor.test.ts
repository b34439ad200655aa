import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { openPage } from './page'
import { type Answered, placeWx } from './wx'

const NOW = Date.parse('2026-11-24T06:59:50+08:00')
const SEVEN = '2026-11-24T07:00:00+08:00'

interface DoctorPage {
  onLoad(options: { id: string; date?: string }): void
  onShow(): void
  onHide(): void
  onPullDownRefresh(): Promise<void>
  onDay(event: { detail: { date: string } }): void
  onBook(event: { detail: { slot: string; session: string } }): void
}

const doctor = {
  id: 'd',
  name: '沈亦安',
  title: '副主任医师',
  level: 'expert',
  skills: '哮喘',
  diseases: [],
  intro: '',
  photo_path: null,
  hospital: { id: '1', name: '示范医院' },
  departments: [{ id: 'e', name: '呼吸内科' }],
}

function session(date: string, released: boolean) {
  const slot = {
    id: `slot ${date}`,
    starts_at: `${date}T09:00:00+08:00`,
    ends_at: `${date}T09:30:00+08:00`,
    capacity: 2,
    free: 2,
    bookable: released,
    reason: released ? null : 'not-released',
  }
  return {
    id: `session ${date}`,
    date,
    period: 'morning',
    level: 'expert',
    fee_fen: 5000,
    state: released ? 'released' : 'published',
    release_at: SEVEN,
    campus: { id: 'c', name: '本院' },
    room: '1诊室',
    department: { id: 'e', name: '呼吸内科' },
    slots: [slot, { ...slot, id: `second slot ${date}` }],
  }
}

/** How often the places were asked for, and what the server says of them. */
let asks = 0
let answer: () => Answered

async function open(): Promise<Awaited<ReturnType<typeof openPage<DoctorPage>>>> {
  placeWx(({ url }) => {
    if (!url.includes('/sessions')) return { data: doctor }
    asks += 1
    return answer()
  })
  Object.assign(wx, { setNavigationBarTitle: () => undefined, stopPullDownRefresh: () => undefined })
  const page = await openPage<DoctorPage>(() => import('../src/packages/catalog/doctor/doctor'))
  page.onLoad({ id: 'd', date: '2026-12-08' })
  page.onShow()
  await vi.advanceTimersByTimeAsync(100)
  return page
}

beforeEach(() => {
  asks = 0
  answer = () => ({ data: { items: [session('2026-12-08', Date.now() >= Date.parse(SEVEN))] } })
  vi.useFakeTimers({ now: NOW })
  vi.spyOn(Math, 'random').mockReturnValue(0.5)
})
afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

describe('a doctor whose places are about to be released', () => {
  test('the page counts down and asks once after the release', async () => {
    const page = await open()
    expect(page.data.countdown).toBe('10 秒')
    expect(page.data.sessions[0].note).toBe('07:00 放号，到时这里会自动刷新')

    await vi.advanceTimersByTimeAsync(9_000)
    expect([page.data.countdown, asks]).toEqual(['1 秒', 1])

    await vi.advanceTimersByTimeAsync(3_000)
    expect(asks).toBe(2)
    expect(page.data.news).toBe('号已更新')
    expect(page.data.sessions[0].slots[0]).toMatchObject({ word: '余 2', canBook: true })

    await vi.advanceTimersByTimeAsync(600_000)
    expect(asks).toBe(2)
  })

  test('asked to come back later it comes back then, once', async () => {
    const page = await open()
    answer = () => ({
      status: 503,
      header: { 'retry-after': '5' },
      data: { code: 'overloaded', title: '忙' },
    })

    await vi.advanceTimersByTimeAsync(12_000)
    expect([asks, page.data.news]).toEqual([2, '现在查看的人很多，5 秒后自动再看一次'])

    answer = () => ({ data: { items: [session('2026-12-08', true)] } })
    await vi.advanceTimersByTimeAsync(4_000)
    expect(asks).toBe(2)
    await vi.advanceTimersByTimeAsync(60_000)
    expect([asks, page.data.news]).toEqual([3, '号已更新'])
  })

  test('without an answer only pulling down asks again', async () => {
    const page = await open()
    answer = () => {
      throw new Error('no network')
    }

    await vi.advanceTimersByTimeAsync(120_000)
    expect([asks, page.data.news]).toEqual([2, '没有刷新出来，请下拉再试一次'])

    answer = () => ({ data: { items: [session('2026-12-08', true)] } })
    await page.onPullDownRefresh()
    expect([asks, page.data.news]).toEqual([3, ''])
  })

  test('hidden at the release it asks when it is shown again, once', async () => {
    const page = await open()
    page.onHide()
    await vi.advanceTimersByTimeAsync(300_000)
    expect(asks).toBe(1)

    page.onShow()
    await vi.advanceTimersByTimeAsync(60_000)
    expect(asks).toBe(2)
    expect(page.data.countdown).toBe('')
  })

  test('a server that is not ready yet is not asked again by itself', async () => {
    const page = await open()
    answer = () => ({ data: { items: [session('2026-12-08', false)] } })

    await vi.advanceTimersByTimeAsync(120_000)

    expect([asks, page.data.news]).toEqual([2, '号还没有放出来，请稍后下拉再看'])
  })
})

test('coming back after a while reads the places again, without a skeleton', async () => {
  answer = () => ({ data: { items: [session('2026-12-08', true)] } })
  const page = await open()
  page.onHide()
  await vi.advanceTimersByTimeAsync(20_000)

  page.onShow()
  await vi.advanceTimersByTimeAsync(100)

  expect([asks, page.data.state]).toEqual([2, 'ready'])
})

test('a day without sessions leads on to one with places', async () => {
  answer = () => ({ data: { items: [session('2026-12-08', true)] } })
  const page = await open()

  page.onDay({ detail: { date: '2026-11-25' } })

  expect(page.data.sessions).toEqual([])
  expect(page.data).toMatchObject({ nextDate: '2026-12-08', nextText: '看12月8日 周二的号' })
})

test('a slot leads to its confirmation', async () => {
  answer = () => ({ data: { items: [session('2026-12-08', true)] } })
  const navigateTo = vi.fn()
  const page = await open()
  Object.assign(wx, { navigateTo })

  page.onBook({ detail: { slot: 'a', session: 'b' } })

  expect(navigateTo).toHaveBeenCalledWith({
    url: '/packages/booking/confirm/confirm?slot=a&doctor=d&session=b',
  })
})
