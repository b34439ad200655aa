import { beforeEach, describe, expect, test, vi } from 'vitest'
import { openPage } from '../page'
import { type Answered, placeWx } from '../wx'
import { makePatient, makeSession, makeSlot } from './made'

interface ConfirmPage {
  onLoad(query: { slot: string; doctor: string }): void
  onShow(): Promise<void>
  onSubmit(): Promise<void>
  onChoosePatient(event: { detail: { id: string } }): void
  onChooseSlot(event: { detail: { id: string } }): void
  onWay(event: { detail: { step: string } }): void
  onAgreed(): void
}

const doctor = { id: 'w1', name: '林清晏', title: '主任医师', hospital: { id: '1', name: '云溪示范医院' } }
const values = {
  hold_min: 15,
  same_day_hold_min: 10,
  cancel_deadline_days_before: 1,
  late_cancel_counts: true,
}
const rules = { version: 1, effective_from: '', rules: values, sentences: ['规则一'] }
const full = { bookable: false, free: 0, reason: 'full' as const }

let patients = [makePatient(), makePatient({ id: 'p2', relation: 'child' })]
let sessions = [makeSession()]
let book: () => Answered
let world: ReturnType<typeof placeWx>

function served(url: string): unknown {
  if (url.includes('/sessions')) return { items: sessions }
  if (url.includes('/doctors/')) return doctor
  if (url.includes('/rules')) return rules
  return { items: patients }
}

async function open() {
  world = placeWx(({ method, url }) => (method === 'POST' ? book() : { data: served(url) }))
  world.storage.set('login-token', 'token')
  Object.assign(world.world, { showToast: vi.fn() })
  vi.stubGlobal('getCurrentPages', () => [])
  const page = await openPage<ConfirmPage>(() => import('../../src/packages/booking/confirm/confirm'))
  page.onLoad({ slot: 's1', doctor: 'w1' })
  await page.onShow()
  return page
}

const keys = () =>
  world.log.filter(({ method }) => method === 'POST').map(({ header }) => header['idempotency-key'])
const refusal = (code: string, extra: object = {}) => ({ status: 409, data: { code, title: code, ...extra } })
const held = { data: { id: 'a1', state: 'held' }, status: 201 }

beforeEach(() => {
  patients = [makePatient(), makePatient({ id: 'p2', relation: 'child' })]
  sessions = [makeSession()]
  book = () => held
})

describe('confirming', () => {
  test('shows the slot, the fee, and the holder of the account as the one to see', async () => {
    const { data } = await open()

    expect(data).toMatchObject({ state: 'ready', fee: '¥50.00', isFree: false, chosen: 'p1', gone: '' })
    expect(data.visit).toMatchObject({ day: '11月26日 周四', time: '上午 09:00–09:30', room: '3诊室' })
  })

  test('a held place leads to paying, a free one to the result', async () => {
    await (await open()).onSubmit()
    expect(world.routes).toEqual(['instead /packages/booking/payment/payment?appointment=a1'])

    book = () => ({ data: { id: 'a1', state: 'booked' }, status: 201 })
    await (await open()).onSubmit()
    expect(world.routes).toEqual(['instead /packages/booking/result/result?appointment=a1'])
  })

  test('a retry is the same deed: its key stays through lost answers and busy servers', async () => {
    const answers = [
      () => {
        throw new Error('cut off')
      },
      () => refusal('request-in-progress'),
      () => held,
    ]
    book = () => answers.shift()!()
    const page = await open()

    await page.onSubmit()
    expect(page.data.refusal).toMatchObject({ code: 'offline', ways: [{ step: 'retry' }] })
    await page.onSubmit()
    await page.onSubmit()

    expect(new Set(keys()).size).toBe(1)
    expect(keys()).toHaveLength(3)
    expect(world.routes).toHaveLength(1)
  })

  test.each([
    ['patient', (page: ConfirmPage) => page.onChoosePatient({ detail: { id: 'p2' } })],
    ['slot', (page: ConfirmPage) => page.onChooseSlot({ detail: { id: 's2' } })],
  ])('another %s is another deed', async (_, change) => {
    book = () => refusal('time-conflict')
    const page = await open()

    await page.onSubmit()
    change(page)
    await page.onSubmit()

    expect(new Set(keys()).size).toBe(2)
  })

  test('two taps book once', async () => {
    const page = await open()

    await Promise.all([page.onSubmit(), page.onSubmit()])

    expect(keys()).toHaveLength(1)
  })

  test('a slot that filled up meanwhile offers others on the spot, and one of them can be booked', async () => {
    book = () => refusal('slot-full', { later_free: 2 })
    const page = await open()
    sessions = [makeSession({ slots: [makeSlot('s1', '09:00', full), makeSlot('s2', '09:30')] })]

    await page.onSubmit()
    expect(page.data.others.map(({ id }: { id: string }) => id)).toEqual(['s2'])
    expect(page.data.refusal.ways.map(({ step }: { step: string }) => step)).toEqual(['dates'])

    book = () => held
    page.onChooseSlot({ detail: { id: 's2' } })
    expect(page.data).toMatchObject({ refusal: null, others: [], visit: { time: '上午 09:30–10:00' } })
    await page.onSubmit()
    expect(world.log.at(-1)?.data).toEqual({ slot_id: 's2', patient_id: 'p1' })
  })

  test('a slot that is full on arrival says so before anybody tries', async () => {
    sessions = [makeSession({ slots: [makeSlot('s1', '09:00', full), makeSlot('s2', '09:30')] })]

    const { data } = await open()

    expect(data.gone).toContain('约满')
    expect(data.others.map(({ id }: { id: string }) => id)).toEqual(['s2'])
  })

  test('a slot that is no more leaves the page empty', async () => {
    sessions = []

    expect((await open()).data.state).toBe('empty')
  })

  test('the appointment in the way can be opened', async () => {
    book = () => refusal('already-booked', { appointment_id: 'a9' })
    const page = await open()

    await page.onSubmit()
    page.onWay({ detail: { step: 'appointment' } })

    expect(world.routes).toEqual(['to /packages/booking/appointment/appointment?id=a9'])
  })

  test('agreeing to the text books at once', async () => {
    const answers = [() => refusal('patient-consent-withdrawn'), () => held]
    book = () => answers.shift()!()
    const page = await open()

    await page.onSubmit()
    page.onWay({ detail: { step: 'consent' } })
    expect(page.data.consenting).toMatchObject({ id: 'p1' })
    page.onAgreed()
    await vi.waitFor(() => expect(world.routes).toHaveLength(1))

    expect(page.data.consenting).toBeNull()
  })

  test('who was just added is chosen', async () => {
    const page = await open()
    patients = [...patients, makePatient({ id: 'p3', relation: 'parent' })]

    await page.onShow()

    expect(page.data.chosen).toBe('p3')
  })
})
