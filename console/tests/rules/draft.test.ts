import { describe, expect, it } from 'vitest'
import {
  clockOf,
  draftOf,
  labelsOf,
  momentOf,
  newSentences,
  numberOf,
  rulesOf,
  shownValue,
  timeOf,
  type FormField,
} from '@/areas/rules/draft'

const field = (overrides: Partial<FormField>): FormField => ({
  name: 'hold_min',
  label: '付款时限（分钟）',
  help: '',
  kind: 'number',
  default: 15,
  minimum: 5,
  maximum: 30,
  may_be_empty: false,
  ...overrides,
})

describe('the rules in the form', () => {
  it('keep the version apart from what is sent', () => {
    const draft = draftOf({ version: 3, rules: { hold_min: 15 } })

    expect(draft).toEqual({ version: 3, hold_min: 15 })
    expect(rulesOf(draft)).toEqual({ hold_min: 15 })
  })

  it('are named by the labels of the form', () => {
    expect(labelsOf([{ key: 'hold', title: '付款', fields: [field({})] }])).toEqual({
      hold_min: '付款时限（分钟）',
    })
  })

  it.each([
    [field({}), 15, '15'],
    [field({}), 0, '0'],
    [field({ kind: 'time' }), '07:00:00', '07:00'],
    [field({ kind: 'time' }), null, '不设'],
    [field({ kind: 'switch' }), true, '是'],
    [field({ kind: 'switch' }), false, '否'],
    [undefined, 'gone', 'gone'],
  ])('are told in words', (known, value, words) => {
    expect(shownValue(known, value)).toBe(words)
  })

  it('go through inputs unchanged, and empty ones are null', () => {
    expect([clockOf('07:30:00'), timeOf('07:30'), clockOf(null), timeOf('')]).toEqual([
      '07:30',
      '07:30:00',
      '',
      null,
    ])
    expect([numberOf('20'), numberOf('0'), numberOf(' ')]).toEqual([20, 0, null])
  })

  it('count from a moment in China, or as soon as possible', () => {
    expect(momentOf(true, '2026-12-01T07:00')).toBe('2026-12-01T07:00:00+08:00')
    expect(momentOf(false, '2026-12-01T07:00')).toBeNull()
  })

  it('mark the sentences that nobody reads today', () => {
    expect([...newSentences(['一', '二'], ['一', '三'])]).toEqual(['三'])
  })
})
