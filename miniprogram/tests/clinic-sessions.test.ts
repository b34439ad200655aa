import { describe, expect, test } from 'vitest'
import {
  factsOf,
  firstDay,
  nextDayWithPlaces,
  releasesOf,
  sessionsOf,
  type SessionView,
  type SlotView,
  stateOf,
} from '../src/parts/clinic-sessions'

const today = '2026-11-23'

function slot(hour: number, reason: SlotView['reason'], free = reason ? 0 : 5): SlotView {
  const at = (minute: string) => `2026-11-24T${String(hour).padStart(2, '0')}:${minute}:00+08:00`
  return {
    id: `slot${hour}`,
    starts_at: at('00'),
    ends_at: at('30'),
    capacity: 5,
    free,
    bookable: !reason,
    reason,
  }
}
function session(more: Partial<SessionView> = {}): SessionView {
  return {
    id: 'session',
    date: '2026-11-24',
    period: 'morning',
    level: 'expert',
    fee_fen: 5000,
    state: 'released',
    release_at: '2026-11-09T23:00:00Z',
    campus: { id: 'campus', name: '本院' },
    room: '3诊室',
    department: { id: 'department', name: '呼吸内科' },
    slots: [slot(9, null)],
    ...more,
  }
}

describe('a session in one word', () => {
  test.each<[string, Partial<SessionView>, string]>([
    ['one slot can be booked', { slots: [slot(8, 'full'), slot(9, null)] }, 'available'],
    ['all slots are full', { slots: [slot(8, 'past'), slot(9, 'full')] }, 'full'],
    ['not released', { state: 'published', slots: [slot(9, 'not-released', 5)] }, 'upcoming'],
    ['suspended', { state: 'suspended', slots: [slot(9, 'suspended')] }, 'suspended'],
    ['closed', { state: 'closed', slots: [slot(9, 'closed')] }, 'closed'],
    ['all slots are past', { slots: [slot(9, 'past')] }, 'closed'],
  ])('%s', (_, more, state) => {
    expect(stateOf(session(more))).toBe(state)
  })
})

describe('the sessions of a day', () => {
  test('tell where, how much and the places left; slots that are over are left out', () => {
    const slots = [slot(8, 'past'), slot(9, null, 5), slot(10, null, 3), slot(11, 'full')]

    const [shown] = sessionsOf([session({ slots })], '2026-11-24', today)

    expect(shown).toMatchObject({
      period: '上午',
      level: '专家号',
      place: '3诊室 · 本院',
      fee: '¥50.00',
      note: '',
    })
    expect(shown.slots.map(({ time, word, tone, canBook }) => [time, word, tone, canBook])).toEqual([
      ['09:00–09:30', '余 5', 'free', true],
      ['10:00–10:30', '余 3', 'few', true],
      ['11:00–11:30', '约满', 'none', false],
    ])
    expect(shown.slots[0].label).toBe('09:00–09:30 余 5 预约')
  })

  test.each<[Partial<SessionView>, string]>([
    [
      { state: 'published', release_at: '2026-11-23T23:00:00Z', slots: [slot(9, 'not-released')] },
      '明天 11月24日 周二 07:00 放号，到时这里会自动刷新',
    ],
    [{ slots: [slot(9, 'full')] }, '已经约满。有人退号会重新放出来，也可以换一天'],
    [{ state: 'suspended', slots: [slot(9, 'suspended')] }, '医生这次停诊，请换一天或换一位医生'],
    [{ slots: [slot(9, 'past')] }, '今天可约的时段都过了，请换一天'],
    [{ state: 'closed', slots: [slot(9, 'closed')] }, '这次出诊已经结束，请换一天'],
    [
      { slots: [slot(8, 'full'), slot(9, 'booking-closed-now', 3)] },
      '现在是医院暂停网上预约的时间，请晚些再来',
    ],
    [{ slots: [slot(9, 'too-late-for-tomorrow', 3)] }, '明天的号今天已停止预约，请约后天或更晚的日期'],
    [{ slots: [slot(9, 'not-released', 0)] }, '这些号还没有放出来，请稍后再看'],
  ])('say why nothing can be booked: %#', (more, note) => {
    const [shown] = sessionsOf([session(more)], '2026-11-24', today)

    expect(shown.note).toBe(note)
    expect(shown.slots).toEqual([])
  })

  test('of another day are not shown', () => {
    expect(sessionsOf([session()], '2026-11-25', today)).toEqual([])
  })
})

describe('the calendar', () => {
  const sessions = [
    session({ date: '2026-11-24', slots: [slot(9, 'full')] }),
    session({ date: '2026-11-24', period: 'afternoon', state: 'suspended', slots: [slot(14, 'suspended')] }),
    session({ date: '2026-11-26' }),
    session({ date: '2026-11-28' }),
    session({
      date: '2026-12-08',
      state: 'published',
      release_at: '2026-11-23T23:00:00Z',
      slots: [slot(9, 'not-released')],
    }),
  ]
  const facts = factsOf(sessions)

  test('gives each day its best state', () => {
    expect([...facts].map(([date, { state }]) => [date, state])).toEqual([
      ['2026-11-24', 'full'],
      ['2026-11-26', 'available'],
      ['2026-11-28', 'available'],
      ['2026-12-08', 'upcoming'],
    ])
  })

  test('opens with the day asked for, or with the first that has a place', () => {
    expect(firstDay(facts, '2026-11-24', today)).toBe('2026-11-24')
    expect(firstDay(facts, '', today)).toBe('2026-11-26')
    expect(firstDay(facts, '2026-11-20', today)).toBe('2026-11-26')
    expect(firstDay(new Map(), '', today)).toBe(today)
  })

  test('leads from a full day to the next with places, and back to an earlier one from the last', () => {
    expect(nextDayWithPlaces(facts, '2026-11-24')).toBe('2026-11-26')
    expect(nextDayWithPlaces(facts, '2026-12-08')).toBe('2026-11-26')
    expect(nextDayWithPlaces(new Map(), today)).toBeNull()
  })

  test('knows the moments of release still to come', () => {
    expect(releasesOf(sessions)).toEqual([Date.parse('2026-11-24T07:00:00+08:00')])
  })
})
