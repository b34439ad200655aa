import { describe, expect, it } from 'vitest'
import { appointmentOf, asked, fenOf, short, yuanOf } from '../../src/areas/money/asking'

describe('what a list of money asks for', () => {
  it('includes the last day, which the server excludes', () => {
    expect(asked({ from: '2026-11-01', to: '2026-11-30', sort: '-day' }, '3')).toEqual({
      from: '2026-11-01',
      to: '2026-12-01',
      sort: '-day',
      hospital_id: 3,
    })
  })
  it('asks for what belongs to no hospital when told so', () => {
    expect(asked({ owner: '0' }, '3')).toEqual({ hospital_id: 0 })
  })
})

describe('amounts that people write', () => {
  it.each([
    ['25', 2500],
    ['25.5', 2550],
    [' 0.01 ', 1],
    ['0', 0],
  ])('reads %s', (yuan, fen) => expect(fenOf(yuan)).toBe(fen))
  it.each(['', '-1', '1.234', '1,000', 'abc', '1e3', '99999999'])('does not read %s', (yuan) =>
    expect(fenOf(yuan)).toBeNull(),
  )
  it('writes what it reads', () => expect(yuanOf(fenOf('12.30') ?? 0)).toBe('12.30'))
})

describe('numbers in tables', () => {
  it('shows the end of a long one', () => expect(short('0191f1c2ffff7e4fb000000000001234')).toBe('…00001234'))
  it('leaves a short one', () => expect(short('4200001')).toBe('4200001'))
  it('knows the appointment an order is for', () => {
    expect(appointmentOf('appointment:abc')).toBe('abc')
    expect(appointmentOf('block:abc')).toBeNull()
  })
})
