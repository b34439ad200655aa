import { describe, expect, it } from 'vitest'
import {
  addonSlots,
  columnsShown,
  consequences,
  draftOf,
  editOf,
  leastOf,
  type Session,
  type Slot,
} from '@/areas/schedule/session'
import { texts } from '@/texts/schedule'

const empty = {
  addons: 0,
  free: 0,
  held: 0,
  booked: 0,
  desk: 0,
  elderly: 0,
  referral: 0,
  later: 0,
  cooling: 0,
  frozen: 0,
}
const slot = (id: string, more: Partial<Slot> = {}): Slot => ({
  ...empty,
  id,
  starts_at: '2026-11-26T00:00:00Z',
  ends_at: '2026-11-26T00:30:00Z',
  capacity: 5,
  ...more,
})
const session = (more: Partial<Session> = {}): Session =>
  ({
    version: 3,
    room: '301',
    state: 'published',
    release_at: '2026-11-19T23:00:07Z',
    slots: [slot('a', { free: 5 }), slot('b', { booked: 2, desk: 1, free: 2 })],
    ...more,
  }) as Session

describe('editing a session', () => {
  it('sends the stored moment of release when the fields did not change', () => {
    const one = session()
    expect(editOf(one, draftOf(one))).toEqual({
      version: 3,
      room: '301',
      release_at: '2026-11-19T23:00:07Z',
      slots: [],
    })
  })

  it('sends only the slots that changed, with their pools', () => {
    const one = session()
    const draft = draftOf(one)
    draft.slots[1].capacity = 8
    draft.release_time = '08:30'
    expect(editOf(one, draft)).toMatchObject({
      release_at: '2026-11-20T08:30:00+08:00',
      slots: [{ id: 'b', capacity: 8, pools: { desk: 1, elderly: 0, referral: 0, later: 0 } }],
    })
  })

  it('leaves the pools of a draft to the hospital', () => {
    const one = session({ state: 'draft' })
    const draft = draftOf(one)
    draft.slots[0].capacity = 2
    expect(editOf(one, draft).slots).toEqual([{ id: 'a', capacity: 2, pools: null }])
  })

  it('knows the fewest places a slot can do with', () => {
    const kept = { desk: 2, elderly: 0, referral: 0, later: 1 }
    expect(leastOf(slot('a', { booked: 2, held: 1, cooling: 1, addons: 1 }), kept)).toBe(6)
    expect(leastOf(slot('a', { addons: 2 }), { desk: 1, elderly: 0, referral: 0, later: 0 })).toBe(0)
  })
})

describe('the table of slots', () => {
  it('leaves out what is nought everywhere', () => {
    expect(columnsShown(session().slots)).toEqual(['capacity', 'booked', 'free', 'desk'])
  })
})

describe('what a suspension means', () => {
  it('names those who booked, those who pay, and what was free', () => {
    const slots = [slot('a', { booked: 3, held: 1, free: 1, elderly: 1 }), slot('b', { cooling: 1 })]
    expect(consequences(slots)).toEqual([texts.toldBooked(3), texts.toldHeld(1), texts.toldFree(3)])
  })

  it('says so when there is nobody to tell', () => {
    expect(consequences([slot('a')])).toEqual([texts.toldNobody])
  })
})

describe('slots that places can be added to', () => {
  const starts = ['08:00', '08:30', '09:00'].map((time) =>
    slot(time, { starts_at: `2026-11-26T${time}:00+08:00` }),
  )
  const at = (time: string) => Date.parse(`2026-11-26T${time}+08:00`)

  it.each([
    ['07:59:59', ['08:00', '08:30', '09:00']],
    ['08:00:00', ['08:30', '09:00']],
    ['08:59:59', ['09:00']],
    ['09:00:00', []],
  ])('are at %s those that have not begun', (time, ids) => {
    expect(addonSlots(session({ slots: starts }), at(time)).map(({ id }) => id)).toEqual(ids)
  })

  it('are none of a session that the catalogue has closed', () => {
    expect(addonSlots(session({ slots: starts, closed_by: 'doctor-inactive' }), at('07:00:00'))).toEqual([])
  })
})
