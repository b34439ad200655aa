import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { openPage } from '../page'
import { placeWx, type Answered } from '../wx'
import { makeAppointment, makeSession, makeSlot } from './made'

interface ReschedulePage {
  data: { doctorId: string; moneyWords: string; readProblem: string; groups: { slots?: unknown[] }[] }
  onLoad(query: { appointment: string }): void
  onShow(): Promise<void>
  onDoctor(event: { currentTarget: { dataset: { id: string } } }): Promise<void>
  onSlot(event: { currentTarget: { dataset: { id: string; words: string } } }): void
}

/** The other doctor costs more; what either is asked is answered when the test says so. */
const clinics: Record<string, Answered> = {
  w1: { data: { items: [makeSession({ id: 'n1', slots: [makeSlot('own', '09:00')] })] } },
  w2: { data: { items: [makeSession({ id: 'n2', fee_fen: 9000, slots: [makeSlot('other', '09:00')] })] } },
}
let waiting: Record<string, (answer: Answered) => void> = {}

beforeEach(() => vi.useFakeTimers({ now: Date.parse('2026-11-23T09:00:00+08:00') }))
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

async function open() {
  let holds = false
  const world = placeWx(({ url }) => {
    const doctor = /doctors\/(w\d)\/sessions/.exec(url)?.[1]
    if (doctor && holds) return new Promise<Answered>((resolve) => (waiting[doctor] = resolve))
    if (doctor) return clinics[doctor]!
    return { data: url.includes('/departments/') ? { items: [] } : makeAppointment() }
  })
  world.storage.set('login-token', 'token')
  vi.stubGlobal('getCurrentPages', () => [])
  const page = await openPage<ReschedulePage>(
    () => import('../../src/packages/booking/reschedule/reschedule'),
  )
  page.onLoad({ appointment: 'a1' })
  await page.onShow()
  holds = true
  waiting = {}
  return page
}

const doctor = (id: string) => ({ currentTarget: { dataset: { id } } })

test.each([
  ['answer', () => clinics['w1']!],
  [
    'failure',
    (): Answered => ({ status: 503, data: { code: 'temporarily-unavailable', title: '稍后再试' } }),
  ],
])('a late %s for the doctor before changes nothing of the one chosen since', async (_, late) => {
  const page = await open()
  const first = page.onDoctor(doctor('w1'))
  const second = page.onDoctor(doctor('w2'))
  waiting['w2']!(clinics['w2']!)
  await second
  waiting['w1']!(late())
  await first
  page.onSlot({ currentTarget: { dataset: { id: 'other', words: '周四 09:00' } } })

  expect(page.data.doctorId).toBe('w2')
  expect(page.data.readProblem).toBe('')
  expect(page.data.moneyWords).toContain('¥90.00')
})
