import { expect, test } from 'vitest'
import { type DoctorDays, factsOf, rowsOf } from '../src/parts/department-days'

const today = '2026-11-23'
type Day = DoctorDays['days'][number]

function day(date: string, state: Day['state'], more: Partial<Day> = {}): Day {
  return {
    date,
    state,
    fee_fen: 5000,
    free: state === 'available' ? 4 : 0,
    release_at: '2026-11-24T23:00:00Z',
    ...more,
  }
}
function doctor(name: string, days: Day[]): DoctorDays {
  return { id: name, name, title: '医师', level: 'general', skills: '', days }
}

const doctors = [
  doctor('休', []),
  doctor('停', [day('2026-11-24', 'suspended')]),
  doctor('满', [day('2026-11-24', 'full')]),
  doctor('待', [day('2026-12-09', 'upcoming')]),
  doctor('晚', [day('2026-11-24', 'full'), day('2026-11-26', 'available')]),
  doctor('早', [day('2026-11-24', 'available', { free: 2, fee_fen: 2500 }), day('2026-11-25', 'available')]),
]

test('without a day every doctor is there, the soonest bookable first', () => {
  const rows = rowsOf(doctors, '', today)

  expect(rows.map(({ name }) => name)).toEqual(['早', '晚', '待', '满', '停', '休'])
  expect(rows.map(({ word }) => word)).toEqual([
    '明天 11月24日 周二 有号 余 2',
    '11月26日 周四 有号 余 4',
    '后天 11月25日 周三 07:00 放号',
    '约满',
    '停诊',
    '不出诊',
  ])
  expect(rows[0]).toMatchObject({ date: '2026-11-24', fee: '¥25.00', tone: 'available' })
  expect(rows[5]).toMatchObject({ date: null, fee: '' })
})

test('with a day only those who sit then are there', () => {
  const rows = rowsOf(doctors, '2026-11-24', today)

  expect(rows.map(({ name, word }) => `${name} ${word}`)).toEqual([
    '早 有号 余 2',
    '满 约满',
    '晚 约满',
    '停 停诊',
  ])
})

test('a day is as good as its best doctor', () => {
  const facts = factsOf(doctors)

  expect([...facts].map(([date, { state }]) => `${date} ${state}`).sort()).toEqual([
    '2026-11-24 available',
    '2026-11-25 available',
    '2026-11-26 available',
    '2026-12-09 upcoming',
  ])
})
