import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { Refusal } from '../../src/api/refusal'
import { appointmentView, deedsOf } from '../../src/packages/booking/parts/appointment-view'
import { choosePatient, otherChoices, whyNot } from '../../src/packages/booking/parts/candidate'
import { missing } from '../../src/packages/booking/parts/consents'
import { isChild } from '../../src/parts/new-patient'
import { blocks } from '../../src/parts/markdown'
import { differenceOf, doctorChoices, groupsOf } from '../../src/packages/booking/parts/moving'
import { isCancelled, methodsFor, waitBefore } from '../../src/packages/booking/parts/paying'
import { refundView } from '../../src/packages/booking/parts/refund'
import { Roll } from '../../src/packages/booking/parts/roll'
import { cardOf, hintOf, standingOf } from '../../src/packages/booking/parts/standing'
import { termsFor } from '../../src/packages/booking/parts/terms'
import { Watch } from '../../src/packages/booking/parts/watch'
import { makeAppointment, makePatient, makeSession, makeSlot } from './made'

const at = (moment: string) => Date.parse(`2026-11-${moment}:00+08:00`)
const before = at('23T09:00')

describe('the terms of a slot', () => {
  const rules = (overrides: object = {}) => ({
    version: 1,
    effective_from: '2000-01-01T00:00:00Z',
    sentences: [],
    rules: {
      hold_min: 15,
      same_day_hold_min: 10,
      cancel_deadline_days_before: 1,
      cancel_deadline_time: null as string | null,
      late_cancel_counts: true,
      ...overrides,
    },
  })
  const slot = { date: '2026-11-26', fee_fen: 5000 }

  test('say until when to pay and until when cancelling is free', () => {
    const [paying, cancelling] = termsFor(rules(), slot, before)

    expect(paying).toContain('15 分钟')
    expect(cancelling).toMatch(/^11月25日 周三 24:00 以前可以免费取消/)
  })

  test('use the hours of the rules', () => {
    const [, cancelling] = termsFor(rules({ cancel_deadline_time: '16:30:00' }), slot, before)

    expect(cancelling).toMatch(/^11月25日 周三 16:30 以前/)
  })

  test.each([
    ['just before the deadline', '25T23:59', false],
    ['at the deadline', '26T00:00', true],
  ])('%s', (_, moment, isLate) => {
    const terms = termsFor(rules(), slot, at(moment))

    expect(terms.some((sentence) => sentence.includes('已过免费取消时间'))).toBe(isLate)
  })

  test('keep the shorter time on the day itself, by the day in China', () => {
    expect(termsFor(rules(), slot, at('26T00:00'))[0]).toContain('10 分钟')
    expect(termsFor(rules(), slot, at('25T23:59'))[0]).toContain('15 分钟')
  })

  test('say nothing of paying when there is no fee', () => {
    expect(termsFor(rules(), { ...slot, fee_fen: 0 }, before)).toHaveLength(1)
  })

  test('say nothing of late cancelling where it does not count', () => {
    expect(termsFor(rules({ late_cancel_counts: false }), slot, at('26T08:00'))[1]).not.toContain('临时取消')
  })
})

describe('where an appointment stands', () => {
  const no = {
    pay: false,
    cancel: false,
    reschedule: false,
    cancel_counts: false,
    cancel_text: null,
    difference_text: null,
  }

  test.each([
    ['held', { state: 'held' as const, allowed: { ...no, pay: true } }, before],
    ['checking', { state: 'held' as const, allowed: no }, before],
    ['booked', {}, at('26T09:29')],
    ['past', {}, at('26T09:30')],
    ['suspended', { state: 'suspended' as const }, before],
    ['expired', { state: 'expired' as const }, before],
  ])('%s', (standing, overrides, now) => {
    expect(standingOf(makeAppointment(overrides), now)).toBe(standing)
  })

  test('a hold says by when to pay, a suspension by when to choose', () => {
    const held = makeAppointment({
      state: 'held',
      hold_expires_at: '2026-11-23T01:47:00Z',
      allowed: { ...no, pay: true },
    })
    const suspended = makeAppointment({
      state: 'suspended',
      hold_expires_at: '2026-11-23T01:47:00Z',
      decide_by: '2026-11-25T10:00:00Z',
    })

    expect(hintOf(held, before)).toContain('09:47')
    expect(hintOf(suspended, before)).toContain('11月25日 周三 18:00')
  })

  test('a cancellation speaks of money only when there was some', () => {
    const order = { id: 'o1', amount_fen: 5000 }
    const unpaid = makeAppointment({ state: 'cancelled_by_patient', order: { ...order, state: 'closed' } })
    const paid = makeAppointment({ state: 'cancelled_by_patient', order: { ...order, state: 'refunding' } })

    expect(hintOf(unpaid, before)).toBe('没有产生费用')
    expect(hintOf(paid, before)).toBe('已付的费用全额退还，退到哪里、到哪一步见下方')
  })

  test('a card offers the deed that waits', () => {
    expect(cardOf(makeAppointment({ state: 'held', allowed: { ...no, pay: true } }), before).act).toBe('pay')
    expect(cardOf(makeAppointment({ state: 'suspended' }), before).act).toBe('choose')
    expect(cardOf(makeAppointment(), before)).toMatchObject({ act: '', state: '已预约', tone: 'success' })
  })

  test('deeds are those that the server allows; what ended can be made anew', () => {
    const { allowed } = makeAppointment()

    expect(deedsOf({ state: 'booked', allowed })).toEqual(['reschedule', 'cancel'])
    expect(deedsOf({ state: 'held', allowed: { ...no, pay: true, cancel: true } })).toEqual(['pay', 'cancel'])
    expect(deedsOf({ state: 'expired', allowed: no })).toEqual(['again', 'mine'])
    expect(deedsOf({ state: 'rescheduled', allowed: no })).toEqual(['mine'])
  })

  test('its page shows no code once the time is over', () => {
    expect(appointmentView(makeAppointment(), null, before).hasCode).toBe(true)
    expect(appointmentView(makeAppointment(), null, at('26T09:30')).hasCode).toBe(false)
  })
})

describe('a refund', () => {
  const refund = {
    id: 'r1',
    amount_fen: 5000,
    reason: 'cancelled' as const,
    text: '支付平台已受理',
    requested_at: '2026-11-23T01:00:00Z',
    submitted_at: '2026-11-23T01:01:00Z',
    arrived_at: null,
    expected_by: '2026-11-26T01:00:00Z',
    state: 'submitted' as const,
  }

  test('shows how far it is and when it arrives at the latest', () => {
    const view = refundView(refund)

    expect(view.steps.map(({ isDone }) => isDone)).toEqual([true, true, false])
    expect(view).toMatchObject({ amount: '¥50.00', expected: '最晚 11月26日 周四 到账', needsCare: false })
  })

  test('of cash handed over at the hospital has no step of a provider', () => {
    const cash = { ...refund, submitted_at: null, expected_by: null }
    const stepsOf = (one: Parameters<typeof refundView>[0]) =>
      refundView(one).steps.map(({ name, isDone }) => [name, isDone])

    expect(stepsOf({ ...cash, state: 'requested' })).toEqual([
      ['已申请', true],
      ['已退还', false],
    ])
    expect(stepsOf({ ...cash, state: 'arrived', arrived_at: '2026-11-23T01:00:00Z' })).toEqual([
      ['已申请', true],
      ['已退还', true],
    ])
  })

  test('promises no day when it needs somebody, or has arrived', () => {
    expect(refundView({ ...refund, state: 'attention' })).toMatchObject({ expected: '', needsCare: true })
    expect(refundView({ ...refund, state: 'arrived' }).expected).toBe('')
  })
})

describe('other slots', () => {
  const full = { bookable: false, free: 0, reason: 'full' as const }
  const sessions = [
    makeSession({ id: 'n0', slots: [makeSlot('x', '08:30')] }),
    makeSession({ slots: [makeSlot('s1', '09:00', full), makeSlot('s2', '09:30'), makeSlot('s3', '11:00')] }),
  ]

  test('those of the same session come first, full ones never', () => {
    expect(otherChoices(sessions, 's1', 4).map(({ id }) => id)).toEqual(['s2', 's3', 'x'])
    expect(otherChoices(sessions, 's1', 1).map(({ id }) => id)).toEqual(['s2'])
    expect(otherChoices(sessions, 's2', 4).map(({ id }) => id)).toEqual(['s3', 'x'])
  })

  test('a slot that cannot be booked says why', () => {
    expect(whyNot({ session: sessions[1], slot: sessions[1].slots[0] })).toContain('约满')
    expect(whyNot({ session: sessions[1], slot: sessions[1].slots[1] })).toBe('')
  })
})

describe('whom to choose', () => {
  const self = makePatient()
  const child = makePatient({ id: 'p2', relation: 'child' })
  const parent = makePatient({ id: 'p3', relation: 'parent' })

  test.each([
    ['the holder of the account', [child, self], null, '', 'p1'],
    ['the only one', [child], null, '', 'p2'],
    ['nobody among several others', [child, parent], null, '', ''],
    ['who was chosen', [self, child], [self, child], 'p2', 'p2'],
    ['who was just added', [self, child, parent], [self, child], 'p2', 'p3'],
    ['another when who was chosen is gone', [self], [self, child], 'p2', 'p1'],
    ['the first that is added', [child], [], '', 'p2'],
    ['the holder, when another account logged in', [child, self], [parent], 'p3', 'p1'],
    ['nobody, when that account has several others', [child, parent], [self], 'p1', ''],
  ])('%s', (_, patients, earlier, chosen, expected) => {
    expect(choosePatient(patients, earlier, chosen)).toBe(expected)
  })
})

describe('consents', () => {
  const given = (kind: 'sensitive_personal_information' | 'child_sensitive', patientId: string | null) => ({
    id: 'k',
    kind,
    version: 1,
    sha256: '',
    channel: 'online' as const,
    patient_id: patientId,
    given_at: '2026-11-23T01:00:00Z',
    ended_at: null as string | null,
    ending: null,
  })
  const child = { id: 'p2', birth_date: '2021-05-01' }
  const texts = (['privacy', 'sensitive_personal_information', 'child_sensitive'] as const).map((kind) => ({
    kind,
    version: 1,
    title: '',
    body: '',
    sha256: '',
  }))

  test('a child stops being one on the fourteenth birthday, in China', () => {
    expect(isChild('2012-11-23', '2026-11-22')).toBe(true)
    expect(isChild('2012-11-23', '2026-11-23')).toBe(false)
  })

  test('what was withdrawn is asked for again, and a child needs its own', () => {
    const own = given('sensitive_personal_information', null)
    const ended = { ...own, ended_at: '2026-11-23T02:00:00Z' }

    const kinds = (all: (typeof own)[], person = child) =>
      missing(texts, all, person, before).map(({ kind }) => kind)

    expect(kinds([own])).toEqual(['child_sensitive'])
    expect(kinds([ended])).toEqual(['sensitive_personal_information', 'child_sensitive'])
    expect(kinds([own, given('child_sensitive', 'p2')])).toEqual([])
    expect(kinds([own], { id: 'p1', birth_date: '1988-04-12' })).toEqual([])
  })

  test('agreement to an older version does not count, as the server has it', () => {
    const newer = texts.map((text) => ({ ...text, version: 2 }))
    const grownUp = { id: 'p1', birth_date: '1988-04-12' }
    const asked = missing(newer, [given('sensitive_personal_information', null)], grownUp, before)

    expect(asked.map(({ kind, version }) => [kind, version])).toEqual([['sensitive_personal_information', 2]])
  })
})

describe('ways to pay', () => {
  const all = ['alipay_page', 'alipay_qr', 'alipay_wap', 'wechat_jsapi', 'wechat_native'] as const
  const names = (channels: readonly (typeof all)[number][], inWeChat: boolean) =>
    methodsFor(channels, inWeChat).map(({ channel }) => channel)

  test('in WeChat its own payment comes first and nothing of it is scanned', () => {
    expect(names(all, true)).toEqual(['wechat_jsapi', 'alipay_wap', 'alipay_qr'])
  })

  test('elsewhere WeChat is scanned', () => {
    expect(names(all, false)).toEqual(['wechat_native', 'alipay_wap', 'alipay_qr'])
  })

  test('Alipay is there only where the hospital offers it', () => {
    expect(names(['wechat_jsapi', 'wechat_native'], true)).toEqual(['wechat_jsapi'])
  })

  test('pauses grow to five seconds and follow the server where it asks for more', () => {
    expect(waitBefore(0, null)).toBe(500)
    expect(waitBefore(100, null)).toBe(5000)
    expect(waitBefore(0, 9)).toBe(9000)
  })

  test('closing the cashier is told from a failure', () => {
    expect(isCancelled({ errMsg: 'requestPayment:fail cancel' })).toBe(true)
    expect(isCancelled({ errMsg: 'requestPayment:fail (10001)' })).toBe(false)
    expect(isCancelled(undefined)).toBe(false)
  })
})

describe('moving', () => {
  test('a dearer slot is refused beforehand, a cheaper one names the difference', () => {
    const paid = makeAppointment()
    const free = { fee_fen: 5000, allowed: { difference_text: null } }

    expect(differenceOf(paid, 20000)).toMatchObject({ isDearer: true })
    expect(differenceOf(paid, 2000)).toEqual({ isDearer: false, words: '退还差额 ¥30.00，到窗口领取现金' })
    expect(differenceOf(free, 2000)).toEqual({ isDearer: false, words: '比原来便宜 ¥30.00' })
    expect(differenceOf(paid, 5000)).toEqual({ isDearer: false, words: '' })
  })

  test('sessions without a place left, and the old slot, are not offered', () => {
    const gone = makeSession({ id: 'n2', slots: [makeSlot('x', '09:00', { bookable: false })] })

    const groups = groupsOf([makeSession(), gone], makeAppointment({ slot_id: 's2' }))

    expect(groups.map(({ id }) => id)).toEqual(['n1'])
    expect(groups[0].slots.map(({ id, time }) => [id, time])).toEqual([
      ['s1', '09:00–09:30'],
      ['s3', '10:00–10:30'],
    ])
  })

  test('colleagues with places left follow the own doctor', () => {
    const days = (state: string) => [{ state }]
    const others = [
      { id: 'w2', name: '沈亦安', title: '', days: days('available') },
      { id: 'w1', name: '林清晏', title: '', days: days('available') },
      { id: 'w3', name: '冯沐辰', title: '', days: days('full') },
    ]

    const choices = doctorChoices({ id: 'w1', name: '林清晏', title: '' }, others)

    expect(choices.map(({ id }) => id)).toEqual(['w1', 'w2'])
  })
})

describe('a list by pages', () => {
  test('grows until the cursor ends, and an answer that was overtaken counts for nothing', async () => {
    const pages: Record<string, { items: number[]; next_cursor: string | null }> = {
      '': { items: [1, 2], next_cursor: 'x' },
      x: { items: [3], next_cursor: null },
    }
    const roll = new Roll<number>(async (cursor) => pages[cursor ?? ''])

    await roll.restart()
    expect([roll.items, roll.hasMore]).toEqual([[1, 2], true])
    await roll.more()
    expect([roll.items, roll.hasMore]).toEqual([[1, 2, 3], false])
    await roll.restart()
    await Promise.all([roll.more(), roll.restart()])
    expect(roll.items).toEqual([1, 2])
  })
})

describe('watching', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  test('asks until it is answered, through failures and as slowly as the server wants', async () => {
    const asked: number[] = []
    const watch = new Watch(async (nth) => {
      asked.push(nth)
      if (nth === 1) throw new Refusal('temporarily-unavailable', '', 503, 9, {})
      return nth === 2
    })

    watch.start()
    await vi.advanceTimersByTimeAsync(500 + 700)
    expect(asked).toEqual([0, 1])
    await vi.advanceTimersByTimeAsync(8999)
    expect(asked).toEqual([0, 1])
    await vi.advanceTimersByTimeAsync(1)
    expect(asked).toEqual([0, 1, 2])
    await vi.advanceTimersByTimeAsync(60_000)
    expect(asked).toEqual([0, 1, 2])
  })

  test('asks nothing after it was stopped', async () => {
    const question = vi.fn(async () => false)
    const watch = new Watch(question)

    watch.start()
    watch.stop()
    await vi.advanceTimersByTimeAsync(60_000)

    expect(question).not.toHaveBeenCalled()
  })

  test('started anew while a question is under way, it asks in one row and not in two', async () => {
    let answer: (isDone: boolean) => void = () => undefined
    const question = vi.fn(() => new Promise<boolean>((resolve) => (answer = resolve)))
    const watch = new Watch(question)

    watch.start()
    await vi.advanceTimersByTimeAsync(500)
    const first = answer
    watch.start()
    first(false)
    await vi.advanceTimersByTimeAsync(5000)

    expect(question).toHaveBeenCalledTimes(2)
  })
})

test('the texts to agree to become lines', () => {
  expect(blocks('# 隐私政策\n\n正文\n## 小节\n- 一条')).toEqual([
    { kind: 'title', text: '隐私政策' },
    { kind: 'paragraph', text: '正文' },
    { kind: 'heading', text: '小节' },
    { kind: 'item', text: '一条' },
  ])
})
