import { describe, expect, it } from 'vitest'
import { firstOf, told, weeksOf, type Run } from '../../src/areas/money/days'
import { texts } from '../../src/texts/money'

const run = (values: Partial<Run>) =>
  ({ provider: 'wechat', day: '2026-11-21', state: 'done', differences: 0, ...values }) as Run

describe('the calendar of bills', () => {
  it('has whole weeks from Monday, the month inside', () => {
    const weeks = weeksOf('2026-11-15', [run({})])
    expect(weeks).toHaveLength(6)
    expect(weeks[0].map((cell) => cell.day)[0]).toBe('2026-10-26')
    expect(weeks.flat().filter((cell) => !cell.isOutside)).toHaveLength(30)
    expect(weeks.flat().find((cell) => cell.runs.length)?.day).toBe('2026-11-21')
  })
  it('steps over the year', () => {
    expect(firstOf('2026-11-15', 2)).toBe('2027-01-01')
    expect(firstOf('2026-01-31', -1)).toBe('2025-12-01')
  })
  it('says how a bill fits without colour alone', () => {
    expect(told(run({}))).toMatchObject({ text: texts.days.equal, mark: '✓' })
    expect(told(run({ differences: 2 }))).toMatchObject({ text: texts.days.differences(2), mark: '!' })
    expect(told(run({ state: 'wanted', differences: null })).text).toBe(texts.days.wanted)
    expect(told(run({ state: 'failed', differences: null })).text).toBe(texts.days.failed)
  })
})
