import { expect, test } from 'vitest'
import { roomDays, type RoomSession } from '../src/packages/catalog/parts/room-days'

function session(id: string, date: string, more: Partial<RoomSession> = {}): RoomSession {
  return {
    id,
    date,
    period: 'morning',
    starts_at: `${date}T08:00:00+08:00`,
    ends_at: `${date}T12:00:00+08:00`,
    state: 'available',
    release_at: '2026-11-24T23:00:00Z',
    fee_fen: 5000,
    free: 3,
    doctor: { id: 'doctor', name: '沈亦安', title: '副主任医师', level: 'expert' },
    department: { id: 'department', name: '呼吸内科' },
    ...more,
  }
}

test('a room is told day by day, with the hours and the state in words', () => {
  const days = roomDays(
    [
      session('a', '2026-11-23'),
      session('b', '2026-11-23', { state: 'full' }),
      session('c', '2026-12-09', { state: 'upcoming' }),
    ],
    '2026-11-23',
  )

  expect(days.map(({ title, items }) => [title, items.map(({ word }) => word)])).toEqual([
    ['今天 11月23日 周一', ['有号 余 3', '约满']],
    ['12月9日 周三', ['后天 11月25日 周三 07:00 放号']],
  ])
  expect(days[0].items[0]).toMatchObject({
    doctor: 'doctor',
    hours: '上午 08:00–12:00 · 呼吸内科',
    fee: '¥50.00',
  })
})
