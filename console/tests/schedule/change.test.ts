import { describe, expect, it } from 'vitest'
import {
  afterText,
  beforeText,
  changeOf,
  emptyChange,
  isAsked,
  type ChangeItem,
} from '@/areas/schedule/change'
import { emptyException, exceptionOf, isOtherWeekday, isWhole } from '@/areas/schedule/exception'
import {
  emptyClinic,
  emptyTemplate,
  isComplete,
  periodOf,
  sumOf,
  templateOf,
} from '@/areas/schedule/template'
import { texts } from '@/texts/schedule'

const draft = (more: object = {}) => ({ ...emptyChange('2026-11-25'), ...more })

describe('asking for a change', () => {
  it('copies this week to the next at first, by their Mondays', () => {
    expect(changeOf(draft({ fromWeek: '2026-11-26', toWeek: '2026-12-06' }))).toEqual({
      kind: 'copy_week',
      from_week: '2026-11-23',
      to_week: '2026-11-30',
      with_holidays: false,
      department_id: null,
      doctor_ids: null,
    })
  })

  it('needs two different weeks', () => {
    expect(isAsked(draft())).toBe(true)
    expect(isAsked(draft({ toWeek: '2026-11-29' }))).toBe(false)
  })

  it('sets only what was filled in', () => {
    expect(changeOf(draft({ kind: 'set', room: ' 302 ', doctor: 'x' }))).toEqual({
      kind: 'set',
      from: '2026-11-23',
      to: '2026-11-29',
      department_id: null,
      doctor_ids: ['x'],
      room: '302',
      capacity_per_slot: null,
      release_days_before: null,
      release_time: null,
    })
    expect(isAsked(draft({ kind: 'set' }))).toBe(false)
    expect(isAsked(draft({ kind: 'set', releaseDays: 0 }))).toBe(true)
  })

  it('publishes and removes over days in the right order', () => {
    expect(isAsked(draft({ kind: 'publish' }))).toBe(true)
    expect(isAsked(draft({ kind: 'remove', to: '2026-11-01' }))).toBe(false)
  })
})

describe('an item', () => {
  const look = {
    state: 'draft',
    room: '301',
    capacities: [5, 5],
    release_at: '2026-11-19T23:00:00Z',
  } as NonNullable<ChangeItem['before']>

  it('says what is new, what goes and what becomes of what', () => {
    const made = { before: null, after: look } as ChangeItem
    const gone = { before: look, after: null } as ChangeItem
    const moved = { before: look, after: { ...look, room: '302' } } as ChangeItem
    expect(beforeText(made)).toBe(texts.notYet)
    expect(afterText(made)).toContain(texts.newDraft)
    expect(afterText(gone)).toBe(texts.gone)
    expect(afterText(moved)).toBe([texts.states.draft, '302', texts.places([10])].join(texts.dot))
  })
})

describe('a template', () => {
  it('takes its part of the day from its start', () => {
    expect(['08:00', '12:00', '17:30'].map(periodOf)).toEqual(['morning', 'afternoon', 'evening'])
  })

  it('goes without an end unless one was set', () => {
    const sent = templateOf(emptyTemplate('2026-12-01'), null)
    expect([sent.valid_until, sent.period]).toEqual([null, 'morning'])
  })

  it('is complete when doctor, department, campus and room are chosen', () => {
    const chosen = { doctor_id: 'a', department_id: 'b', campus_id: 'c', room: '301' }
    expect(isComplete(emptyClinic(chosen))).toBe(true)
    expect(isComplete(emptyClinic({ ...chosen, room: ' ' }))).toBe(false)
    expect(isComplete(emptyClinic({ ...chosen, ends: '08:00' }))).toBe(false)
  })

  it('sums up its preview', () => {
    const day = (is_kept: boolean, code: string | null) =>
      ({ is_kept, refused: code && { code, title: '' } }) as Parameters<typeof sumOf>[0][number]
    expect(sumOf([day(true, null), day(false, 'room-busy'), day(false, null)])).toEqual({
      made: 1,
      kept: 1,
      refused: 1,
    })
  })
})

describe('a single day', () => {
  it('sends only what its kind needs', () => {
    const one = { ...emptyException('2026-12-01'), doctor_id: 'a', substitute_id: 'b', reason: '进修' }
    expect(exceptionOf({ ...one, kind: 'substitute' })).toEqual({
      date: '2026-12-01',
      kind: 'substitute',
      reason: '进修',
      doctor_id: 'a',
      substitute_id: 'b',
    })
    expect(isWhole({ ...one, kind: 'substitute' })).toBe(true)
    expect(isWhole({ ...one, kind: 'substitute', substitute_id: 'a' })).toBe(false)
    expect(isWhole({ ...one, reason: '' })).toBe(false)
  })

  it('is looked at when its template is of another weekday', () => {
    const tuesdays = { weekday: 1 } as Parameters<typeof isOtherWeekday>[0]
    const sundays = { weekday: 6 } as Parameters<typeof isOtherWeekday>[0]
    const days = ['2026-12-01', '2026-12-06']
    expect(days.map((day) => isOtherWeekday(tuesdays, day))).toEqual([false, true])
    expect(days.map((day) => isOtherWeekday(sundays, day))).toEqual([true, false])
  })
})
