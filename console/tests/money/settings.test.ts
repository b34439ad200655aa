import { describe, expect, it } from 'vitest'
import { bodyOf, draftOf, shownValue, type Settings } from '../../src/areas/money/settings'

const settings: Settings = {
  waits: null,
  version: 3,
  is_alipay_offered: true,
  second_person_over_fen: 20000,
  watches: [
    { kind: 'many_orders', threshold: 10, window_min: 60, is_on: true },
    { kind: 'large_refund', threshold: 20000, window_min: 1440, is_on: false },
  ],
}

describe('the payment settings as a form', () => {
  it('shows amounts in yuan and sends them as they came', () => {
    const draft = draftOf(settings)
    expect(draft.limit).toBe('200.00')
    expect(draft.large_refund?.threshold).toBe('200.00')
    expect(draft.many_orders?.threshold).toBe('10')
    expect(bodyOf(draft)).toEqual({ ...settings, waits: undefined })
  })
  it('tells of each watch alone what it is', () => {
    const draft = draftOf(settings)
    expect(shownValue('many_orders', draft.many_orders)).toBe('60 分钟内达到 10 次')
    expect(shownValue('large_refund', draft.large_refund)).toBe('关闭')
  })
  it('sends what cannot be read so that the server refuses it', () => {
    const draft = { ...draftOf(settings), limit: 'x' }
    expect(bodyOf(draft).second_person_over_fen).toBe(-1)
  })
})
