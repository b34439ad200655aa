import { expect, test } from 'vitest'
import vectors from '../../../tests/values.json'
import { searchWords } from '@/areas/desk/fold'
import { deskKey } from '@/areas/desk/keys'
import { isSettled, madeOf } from '@/areas/desk/made'
import {
  firstSlot,
  isOpen,
  left,
  matching,
  nextSlot,
  poolFor,
  type Session,
  type Slot,
} from '@/areas/desk/slots'

function slot(time: string, more: Partial<Slot> = {}): Slot {
  const starts_at = `2026-11-26T${time}:00+08:00`
  return {
    id: time,
    starts_at,
    ends_at: starts_at,
    free: 1,
    desk: 0,
    elderly: 0,
    referral: 0,
    reason: null,
    ...more,
  }
}

function session(department: string[], doctor: string[], slots: Slot[]): Session {
  const initials = (pinyin: string) =>
    pinyin
      .split(' ')
      .map((part) => part[0])
      .join('')
  const spelled = ([name, ...ways]: string[]) => ({
    id: name,
    name,
    pinyin: ways[0].replaceAll(' ', ''),
    initials: initials(ways[0]),
    readings: [name, ...ways.flatMap((way) => [way.replaceAll(' ', ''), initials(way)])],
  })
  return {
    id: doctor[0],
    department: spelled(department),
    doctor: spelled(doctor),
    doctor_title: '主任医师',
    slots,
  } as Session
}

const heart = session(
  ['心内科', 'xin nei ke'],
  ['张三', 'zhang san'],
  [slot('09:00', { free: 0 }), slot('09:30')],
)
const skin = session(['皮肤科', 'pi fu ke'], ['张四', 'zhang si'], [slot('14:00')])
const day = [heart, skin]

test('a doctor is found by every reading, whatever shows nothing is typed with it', () => {
  const qiu = session(['骨科', 'gu ke'], ['仇海平', 'qiu hai ping', 'chou hai ping'], [slot('14:00')])

  for (const typed of ['qhp', 'chp', 'qiuhai', 'chouhai', '仇', ' ｃｈｏｕ', '\u200bchou']) {
    expect(matching([...day, qiu], typed)).toEqual([qiu])
  }
})

test('initials, pinyin, characters and times all narrow the day', () => {
  expect(matching(day, '')).toEqual(day)
  expect(matching(day, 'xnk')).toEqual([heart])
  expect(matching(day, 'zs')).toEqual(day)
  expect(matching(day, 'zhangsi')).toEqual([skin])
  expect(matching(day, '内科 张')).toEqual([heart])
  expect(matching(day, 'zs 14')).toEqual([skin])
  expect(matching(day, '主任 9:30')).toEqual([heart])
  expect(matching(day, 'nk')).toEqual([])
})

test('the first slot with a place is offered, or the one whose time was typed', () => {
  const long = session(
    ['皮肤科', 'pi fu ke'],
    ['张四', 'zhang si'],
    [slot('09:00'), slot('10:00'), slot('10:30')],
  )
  const first = (of: Session, typed: string) => firstSlot(of, typed, 30, 60)
  expect([first(heart, ''), first(long, 'zs 10'), first(long, '1030')]).toEqual([1, 1, 2])
  expect(first(session(['a', 'a'], ['b', 'b'], [slot('09:00', { free: 0 })]), '')).toBe(-1)
})

test('a slot with a place for this person is offered before one whose places are kept for others', () => {
  const kept = slot('09:00', { free: 0, elderly: 1 })
  const mixed = session(['a', 'a'], ['b', 'b'], [kept, slot('09:30')])
  const onlyKept = session(['a', 'a'], ['b', 'b'], [slot('08:30', { free: 0 }), kept])
  expect([firstSlot(mixed, '', 30, 60), firstSlot(mixed, '', 60, 60)]).toEqual([1, 0])
  expect([firstSlot(onlyKept, '', 30, 60), firstSlot(mixed, '9:00', 30, 60)]).toEqual([1, 0])
})

test('the arrows pass over slots without a place and stop at the ends', () => {
  const slots = [slot('09:00'), slot('09:30', { free: 0 }), slot('10:00')]
  const one = session(['a', 'a'], ['b', 'b'], slots)
  expect([nextSlot(one, 0, 1), nextSlot(one, 2, -1), nextSlot(one, 2, 1)]).toEqual([2, 0, 2])
})

test('a slot that may not be given out is shut even with places', () => {
  expect([isOpen(slot('09:00', { reason: 'suspended' })), isOpen(slot('09:00'))]).toEqual([false, true])
  expect(left(slot('09:00', { desk: 2, elderly: 1 }))).toBe(4)
})

test('the elderly are served from their own places, others from the free and then the desk', () => {
  const all = slot('09:00', { free: 1, desk: 1, elderly: 1 })
  expect([poolFor(all, 60, 60), poolFor(all, 59, 60)]).toEqual(['elderly', 'free'])
  expect(poolFor(slot('09:00', { free: 0, desk: 1 }), 30, 60)).toBe('desk')
  expect(poolFor(slot('09:00', { free: 0, elderly: 1 }), 30, 60)).toBe(null)
})

test('the keys of the desk are known, those of the browser are left alone', () => {
  const press = (key: string, more = {}) =>
    deskKey({ key, ctrlKey: false, altKey: false, metaKey: false, ...more })
  expect([press('F8'), press('P', { ctrlKey: true }), press('p', { metaKey: true })]).toEqual([
    'F8',
    'Ctrl+P',
    'Ctrl+P',
  ])
  expect([press('F5'), press('F8', { ctrlKey: true }), press('F4', { altKey: true }), press('p')]).toEqual([
    null,
    null,
    null,
    null,
  ])
})

test('what was booked knows whether money is due', () => {
  const made = madeOf({ id: 'a', number: 3, order: { id: 'o', amount_fen: 5000, state: 'created' } })
  expect(made).toEqual({ id: 'a', number: 3, orderId: 'o', amountFen: 5000, isPaid: false })
  expect([isSettled('paid'), isSettled('paying'), isSettled('refunded')]).toEqual([true, false, false])
})

test.each(vectors.searches)('the word $typed is looked for as the server looks for it', ({ typed, form }) => {
  expect(searchWords(typed)).toEqual([form])
})

test('traditional and full-width characters find the session, a full-width time its slot', () => {
  const surgery = session(
    ['颅脑外科', 'lu nao wai ke'],
    ['张伟', 'zhang wei'],
    [slot('09:00'), slot('14:00')],
  )
  for (const typed of ['顱腦', '張偉', '張', '外科 張', '主任醫師', '１４：００ 張']) {
    expect([typed, matching([skin, surgery], typed).includes(surgery)]).toEqual([typed, true])
  }
  expect(matching([skin, surgery], '張偉')).toEqual([surgery])
  expect(firstSlot(surgery, '張 １４：００', 30, 60)).toBe(1)
})
