import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { openPage } from '../page'
import { type Answered, placeWx } from '../wx'
import { makeAppointment } from './made'

interface PaymentPage {
  onLoad(query: { appointment: string }): void
  onShow(): Promise<void>
  onHide(): void
  onPay(): Promise<void>
  onChoose(event: { detail: { value: string } }): void
  onCheck(): Promise<void>
}

const NOW = Date.parse('2026-11-23T09:00:00+08:00')
const all = ['alipay_qr', 'alipay_wap', 'wechat_jsapi', 'wechat_native']
const allowed = {
  pay: true,
  cancel: true,
  reschedule: false,
  cancel_counts: false,
  cancel_text: '',
  difference_text: null,
}
const holding = (overrides: object = {}) =>
  makeAppointment({
    state: 'held',
    number: null,
    hold_expires_at: '2026-11-23T01:15:00Z',
    order: { id: 'o1', amount_fen: 5000, state: 'created' },
    allowed,
    ...overrides,
  })

let appointment = holding()
let pay: () => Answered
let askPayer: () => Promise<unknown>
let world: ReturnType<typeof placeWx>

async function open(login: () => Promise<unknown> = () => Promise.resolve({ code: 'fresh' })) {
  const order = { id: 'o1', payable_fen: 5000, channels: all, refunds: [] }
  world = placeWx(({ method, url }) => {
    if (method === 'POST') return pay()
    return {
      data: url.includes('/orders/') ? order : appointment,
      header: { date: new Date().toUTCString() },
    }
  })
  world.storage.set('login-token', 'token')
  Object.assign(world.world, {
    login,
    requestPayment: () => askPayer(),
    pageScrollTo: () => Promise.resolve(),
    showToast: vi.fn(),
  })
  vi.stubGlobal('getCurrentPages', () => [])
  const page = await openPage<PaymentPage>(() => import('../../src/packages/booking/payment/payment'))
  page.onLoad({ appointment: 'a1' })
  await page.onShow()
  return page
}

const wait = (ms: number) => vi.advanceTimersByTimeAsync(ms)
const posted = () => world.log.filter(({ method }) => method === 'POST').map(({ data }) => data)

beforeEach(() => {
  vi.useFakeTimers({ now: NOW })
  appointment = holding()
  pay = () => ({ data: { channel: 'wechat_jsapi', params: { package: 'prepay_id=x' } } })
  askPayer = () => Promise.resolve()
})
afterEach(() => void vi.useRealTimers())

describe('paying', () => {
  test('shows how long the place is kept and every way that works here', async () => {
    const { data } = await open()

    expect(data).toMatchObject({ amount: '¥50.00', stage: 'choose', channel: 'wechat_jsapi' })
    expect(data.left).toMatch(/^还剩 1[45] 分/)
    expect(data.methods.map(({ channel }: { channel: string }) => channel)).toEqual([
      'wechat_jsapi',
      'alipay_wap',
      'alipay_qr',
    ])
  })

  test('believes the server, not the cashier: it waits until the appointment is booked', async () => {
    const page = await open()

    await page.onPay()
    await wait(3000)
    expect(posted()).toEqual([{ channel: 'wechat_jsapi', js_code: 'fresh' }])
    expect(page.data.stage).toBe('checking')
    expect(world.routes).toEqual([])

    appointment = makeAppointment()
    await wait(5000)
    expect(world.routes).toEqual(['instead /packages/booking/result/result?appointment=a1'])
  })

  test('says that it takes longer when it does', async () => {
    const page = await open()

    await page.onPay()
    expect(page.data.isLong).toBe(false)
    await wait(60_000)

    expect(page.data.isLong).toBe(true)
  })

  test('a closed cashier stays on the page and may be opened again', async () => {
    askPayer = () => Promise.reject({ errMsg: 'requestPayment:fail cancel' })
    const page = await open()

    await page.onPay()

    expect(page.data).toMatchObject({ stage: 'choose', hasTried: true })
    expect(page.data.note).toContain('取消了支付')
  })

  test('what was paid all the same is found, though the cashier said no', async () => {
    askPayer = () => Promise.reject({ errMsg: 'requestPayment:fail system error' })
    const page = await open()

    await page.onPay()
    appointment = makeAppointment()
    await wait(1000)

    expect(world.routes).toEqual(['instead /packages/booking/result/result?appointment=a1'])
  })

  test('a refusal offers another way to pay', async () => {
    pay = () => ({ status: 409, data: { code: 'payment-channel-refused', title: '没有受理' } })
    const page = await open()

    await page.onPay()

    expect(page.data).toMatchObject({
      stage: 'choose',
      refusal: { title: '没有受理', ways: [{ step: 'channel' }, {}] },
    })
  })

  test('Alipay shows its link and watches', async () => {
    pay = () => ({ data: { channel: 'alipay_wap', params: { url: 'https://example.cn/p/x' } } })
    const page = await open()
    page.onChoose({ detail: { value: 'alipay_wap' } })

    await page.onPay()
    expect(page.data).toMatchObject({ stage: 'choose', shown: { link: 'https://example.cn/p/x', image: '' } })
    expect(posted()).toEqual([{ channel: 'alipay_wap' }])

    appointment = makeAppointment()
    await wait(1000)
    expect(world.routes).toHaveLength(1)
  })

  test('outside WeChat nothing is offered that only WeChat can open', async () => {
    const { data } = await open(() => Promise.reject({ errMsg: 'login:fail' }))

    expect(data).toMatchObject({ inWeChat: false, channel: 'wechat_native' })
  })
})

describe('the end of the hold', () => {
  test('is told on the screen, first as a question to the provider, then as the server says', async () => {
    const page = await open()

    await wait(15 * 60_000 + 1500)
    expect(page.data).toMatchObject({ stage: 'over-checking', left: '' })

    appointment = holding({ state: 'expired' })
    await wait(5000)
    expect(page.data.stage).toBe('over')
  })

  test('is no end when the money had come', async () => {
    const page = await open()

    await wait(15 * 60_000 + 1500)
    appointment = makeAppointment()
    await wait(5000)

    expect(world.routes).toEqual(['instead /packages/booking/result/result?appointment=a1'])
    expect(page.data.stage).toBe('over-checking')
  })

  test('a page that is not in view neither asks nor leads away', async () => {
    const page = await open()
    await page.onPay()

    page.onHide()
    appointment = makeAppointment()
    const asked = world.log.length
    await wait(60_000)

    expect(world.log.length).toBe(asked)
    expect(world.routes).toEqual([])
  })
})

test('an appointment that is booked already needs no paying', async () => {
  appointment = makeAppointment()

  await open()

  expect(world.routes).toEqual(['instead /packages/booking/result/result?appointment=a1'])
})
