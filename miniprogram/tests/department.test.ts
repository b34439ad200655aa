import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { openPage } from './page'
import { placeWx } from './wx'

interface DepartmentPage {
  onLoad(options: { id: string; date?: string }): void
  onShow(): void
  onDay(event: { detail: { date: string } }): void
  onElsewhere(): void
}

const department = {
  id: 'e',
  name: '儿科',
  campus: { id: 'c', name: '本院' },
  campus_id: 'c',
  place: '1 层',
  intro: '',
  sex_limit: null,
  min_age_years: 0,
  max_age_years: 14,
  hospital: { id: '1', name: '示范医院' },
}
const day = {
  date: '2026-11-24',
  state: 'available',
  fee_fen: 5000,
  free: 3,
  release_at: '2026-11-09T23:00:00Z',
}
const doctors = Array.from({ length: 6 }, (_, index) => ({
  id: `d${index}`,
  name: `医生${index}`,
  title: '医师',
  level: 'general',
  skills: '',
  days: [day],
}))
const slot = (hour: string, bookable: boolean) => ({
  id: `slot ${hour}`,
  starts_at: `2026-11-24T${hour}:00:00+08:00`,
  ends_at: `2026-11-24T${hour}:30:00+08:00`,
  capacity: 1,
  free: bookable ? 1 : 0,
  bookable,
  reason: bookable ? null : 'full',
})
const session = {
  id: 's',
  date: '2026-11-24',
  period: 'morning',
  fee_fen: 5000,
  department: { id: 'e', name: '儿科' },
  slots: [slot('08', false), slot('09', true), slot('10', true), slot('11', true)],
}

async function open(look: '' | 'care', isGone = false, found = doctors) {
  const placed = placeWx(({ url }) => {
    if (isGone) return { status: 404, data: { code: 'not-found', title: '没有找到' } }
    if (url.includes('/sessions'))
      return { data: { items: [session, { ...session, department: { id: 'other' } }] } }
    return { data: url.includes('/doctors') ? { items: found } : department }
  })
  Object.assign(wx, { setNavigationBarTitle: () => undefined })
  const page = await openPage<DepartmentPage>(() => import('../src/packages/catalog/department/department'))
  page.data.look = look
  page.onLoad({ id: 'e' })
  page.onShow()
  await vi.advanceTimersByTimeAsync(100)
  return {
    ...placed,
    page,
    asked: (part: string) => placed.log.filter(({ url }) => url.includes(part)).length,
  }
}

beforeEach(() => void vi.useFakeTimers({ now: Date.parse('2026-11-23T10:00:00+08:00') }))
afterEach(() => void vi.useRealTimers())

test('the place and whom it sees are said before one chooses', async () => {
  const { page } = await open('')

  expect(page.data).toMatchObject({
    place: '本院 · 1 层',
    limits: '只接诊 14 岁及以下的就诊人，预约时会核对',
  })
})

test('only care mode reads times, the next two of each doctor in this department', async () => {
  expect((await open('')).asked('/sessions')).toBe(0)

  const { page, asked } = await open('care')

  expect(asked('/sessions')).toBe(doctors.length)
  const [first] = page.data.rows
  expect(first.times.map(({ time, note }: { time: string; note: string }) => `${time} ${note}`)).toEqual([
    '上午 09:00–09:30 余 1 · ¥50.00',
    '上午 10:00–10:30 余 1 · ¥50.00',
  ])
})

test('a long list asks for the times of its first doctors only, and promises no others', async () => {
  const long = Array.from({ length: 30 }, (_, index) => ({ ...doctors[0], id: `d${index}` }))

  const { page, asked } = await open('care', false, long)

  expect(asked('/sessions')).toBe(12)
  expect(page.data.rows.filter(({ times }: { times: unknown }) => times === null)).toEqual([])
  expect(page.data.rows).toHaveLength(30)
})

test('a day without doctors says so and keeps the strip', async () => {
  const { page } = await open('')

  page.onDay({ detail: { date: '2026-11-25' } })

  expect([page.data.rows, page.data.days.length]).toEqual([[], 14])
})

test('coming back after a while reads the places again', async () => {
  const { page, asked } = await open('')
  expect(asked('/doctors')).toBe(1)

  page.onShow()
  expect(asked('/doctors')).toBe(1)
  await vi.advanceTimersByTimeAsync(20_000)
  page.onShow()

  expect(asked('/doctors')).toBe(2)
  expect(page.data.state).toBe('ready')
})

test('a department that is gone is told as such, with a way on', async () => {
  const { page, routes } = await open('', true)

  expect(page.data).toMatchObject({ state: 'empty', emptyText: '没有找到', emptyAction: '选其他医院和科室' })
  page.onElsewhere()
  expect(routes).toEqual(['tab /pages/registration/registration'])
})
