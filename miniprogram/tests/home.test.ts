import { expect, test } from 'vitest'
import { openPage } from './page'
import { placeWx, type Sent } from './wx'

interface HomePage {
  onLoad(): void
  onShow(): void
  onPlace(event: { currentTarget: { dataset: { key: string } } }): void
  onScan(): Promise<void>
}

const hospital = {
  id: '1',
  name: '示范医院',
  level: '三级甲等',
  kind: 'general',
  city: '云溪市',
  address: '康宁路 1 号',
  phones: [],
  map_point: null,
  distance_m: null,
}
const appointment = {
  id: 'a',
  state: 'held',
  date: '2026-11-26',
  period: 'morning',
  starts_at: '2026-11-26T09:00:00+08:00',
  ends_at: '2026-11-26T09:30:00+08:00',
  hold_expires_at: '2026-11-23T09:15:00+08:00',
  patient: { name: '张*' },
  hospital: { name: '示范医院' },
  department: { name: '呼吸内科' },
  doctor: { name: '沈亦安', title: '副主任医师' },
  place: { name: '本院', room: '3诊室', phone: '0000-1' },
  allowed: { pay: true },
}

function answer({ url }: Sent) {
  if (url.startsWith('/api/v1/cities')) {
    return {
      data: {
        items: [
          { name: '云溪市', hospitals: 3 },
          { name: '青禾市', hospitals: 1 },
        ],
      },
    }
  }
  if (url.startsWith('/api/v1/appointments')) return { data: { items: [appointment], next_cursor: null } }
  return { data: { items: [hospital], next_cursor: null } }
}
const tap = (key: string) => ({ currentTarget: { dataset: { key } } })

async function open(world: object = {}, token = '') {
  const placed = placeWx(answer)
  Object.assign(wx, world)
  if (token) placed.storage.set('login-token', token)
  const page = await openPage<HomePage>(() => import('../src/pages/home/home'))
  page.onLoad()
  page.onShow()
  await settled()
  return {
    ...placed,
    page,
    hospitalsAsked: () => placed.log.filter(({ url }) => url.includes('/hospitals')).at(-1)!.url,
  }
}
const settled = () => new Promise((resolve) => setTimeout(resolve, 20))

test('cities are offered when there is a choice, and narrow the list', async () => {
  const { page, hospitalsAsked } = await open()
  expect(page.data.chips.map(({ name }: { name: string }) => name)).toEqual([
    '附近',
    '全部',
    '云溪市',
    '青禾市',
  ])

  page.onPlace(tap('青禾市'))
  await settled()

  expect(hospitalsAsked()).toBe(`/api/v1/hospitals?city=${encodeURIComponent('青禾市')}`)
})

test('nearby asks with the place no finer than a street', async () => {
  const getLocation = () => Promise.resolve({ latitude: 29.601234, longitude: 119.0145678 })
  const { page, hospitalsAsked } = await open({ getLocation })

  page.onPlace(tap('near'))
  await settled()

  expect(decodeURIComponent(hospitalsAsked())).toBe('/api/v1/hospitals?near=29.601,119.015')
  expect(page.data.place).toBe('near')
})

test('refusing the location leaves the list, and says so', async () => {
  const { page } = await open({ getLocation: () => Promise.reject(new Error('auth deny')) })

  page.onPlace(tap('near'))
  await settled()

  expect(page.data).toMatchObject({ place: '', state: 'ready' })
  expect(page.data.notice).toContain('没有取得位置')
  expect(page.data.hospitals).toHaveLength(1)
})

test('who is not logged in is invited, and nothing is asked for them', async () => {
  const { page, log } = await open()

  expect(page.data.visitState).toBe('invitation')
  expect(log.some(({ url }) => url.includes('/appointments'))).toBe(false)
})

test('the next visit says when and where, and what is still to do', async () => {
  const { page } = await open({}, 'token')

  expect(page.data.visit).toMatchObject({
    day: '11月26日 周四 上午',
    time: '09:00–09:30',
    place: '3诊室 · 本院',
    notice: '待支付，请在 09:15 前付款',
    deed: '去支付',
    url: '/packages/booking/payment/payment?appointment=a',
  })
})

test('a scanned code is opened', async () => {
  const scan = (result: string) => ({ scanCode: () => Promise.resolve({ result }) })
  const { page, routes } = await open(scan('https://guahao.example.cn/m/?scene=h.1'))

  await page.onScan()

  expect(routes).toEqual(['to /pages/scene/scene?code=h.1'])
})
