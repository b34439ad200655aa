import { describe, expect, test } from 'vitest'
import { dayWord, namedDay, releaseText, stripOf } from '../src/parts/days'

const today = '2026-11-29'

describe('days as patients name them', () => {
  test.each([
    ['2026-11-29', '今天 11月29日 周日'],
    ['2026-11-30', '明天 11月30日 周一'],
    ['2026-12-01', '后天 12月1日 周二'],
    ['2026-12-02', '12月2日 周三'],
    ['2026-11-28', '11月28日 周六'],
  ])('%s is %s', (date, words) => {
    expect(namedDay(date, today)).toBe(words)
  })

  test('a release today is told by the hour, a later one with its day', () => {
    expect(releaseText('2026-11-29T07:00:00+08:00', today)).toBe('07:00 放号')
    expect(releaseText('2026-11-29T23:00:00Z', today)).toBe('明天 11月30日 周一 07:00 放号')
  })
})

describe('the strip of days', () => {
  test('has two weeks from today, with nothing known', () => {
    const strip = stripOf(new Map(), today)

    expect(strip).toHaveLength(14)
    expect(strip[0]).toMatchObject({
      date: today,
      top: '今天',
      number: '11/29',
      word: '不出诊',
      tone: 'none',
    })
    expect(strip[0].label).toBe('今天 11/29 不出诊 11月29日 周日')
    expect(strip[2].number).toBe('12/1')
    expect(strip[13].date).toBe('2026-12-12')
  })

  test('reaches the last day that has a session', () => {
    const strip = stripOf(
      new Map([['2026-12-16', { state: 'upcoming', releaseAt: '2026-12-01T23:00:00Z' }]]),
      today,
    )

    expect(strip.at(-1)).toMatchObject({ date: '2026-12-16', word: '2日放号', tone: 'upcoming' })
  })

  test.each([
    ['available', '有号'],
    ['full', '约满'],
    ['suspended', '停诊'],
    ['closed', '已结束'],
    ['upcoming', '07:00 放号'],
  ] as const)('says %s as %s, never by colour alone', (state, word) => {
    expect(dayWord({ state, releaseAt: '2026-11-29T07:00:00+08:00' }, today)).toBe(word)
  })
})
