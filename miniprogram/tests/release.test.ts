import { describe, expect, test } from 'vitest'
import {
  asked,
  awaiting,
  isDue,
  LATEST_MS,
  nothingAwaited,
  putOff,
  secondsLeft,
  SOONEST_MS,
} from '../src/parts/release'

const SEVEN = Date.parse('2026-11-24T07:00:00+08:00')
const MINUTE = 60_000

describe('waiting for a release', () => {
  test('counts down to the earliest release by the server clock', () => {
    const watch = awaiting(nothingAwaited, [SEVEN + 24 * 60 * MINUTE, SEVEN], SEVEN - MINUTE, 0)

    expect(watch.releaseAt).toBe(SEVEN)
    expect(secondsLeft(watch, SEVEN - MINUTE)).toBe(60)
    expect(secondsLeft(watch, SEVEN - 1)).toBe(1)
    expect(secondsLeft(watch, SEVEN)).toBe(0)
    expect(secondsLeft(watch, SEVEN + MINUTE)).toBe(0)
  })

  test.each([
    [0, SOONEST_MS],
    [0.5, (SOONEST_MS + LATEST_MS) / 2],
    [1, LATEST_MS],
  ])('asks %f of the way into the second after the release', (chance, after) => {
    const watch = awaiting(nothingAwaited, [SEVEN], SEVEN - MINUTE, chance)

    expect(isDue(watch, SEVEN + after - 1)).toBe(false)
    expect(isDue(watch, SEVEN + after)).toBe(true)
  })

  test('asks once for two sessions of one release', () => {
    const watch = asked(awaiting(nothingAwaited, [SEVEN, SEVEN], SEVEN - MINUTE, 0))

    expect(awaiting(watch, [SEVEN], SEVEN + 600, 0).askAt).toBeNull()
  })

  test('does not ask twice although the answer set the clock back before the release', () => {
    const watch = asked(awaiting(nothingAwaited, [SEVEN], SEVEN - MINUTE, 0))

    const after = awaiting(watch, [SEVEN], SEVEN - 900, 0)

    expect(after.askAt).toBeNull()
    expect(secondsLeft(after, SEVEN - 900)).toBeNull()
  })

  test('keeps the moment drawn when the patient pulls down before the release', () => {
    const watch = awaiting(nothingAwaited, [SEVEN], SEVEN - MINUTE, 0.2)

    expect(awaiting(watch, [SEVEN], SEVEN - 1000, 0.9)).toBe(watch)
  })

  test('still asks when our clock is ahead and the server has not released yet', () => {
    const watch = awaiting(nothingAwaited, [SEVEN], SEVEN + 200, 0)

    expect(watch.askAt).toBe(SEVEN + 200 + SOONEST_MS)
  })

  test('asks when a page hidden at the release is shown again, and then no more', () => {
    const watch = awaiting(nothingAwaited, [SEVEN], SEVEN - MINUTE, 0)

    expect(isDue(watch, SEVEN + 10 * MINUTE)).toBe(true)
    expect(isDue(asked(watch), SEVEN + 10 * MINUTE)).toBe(false)
  })

  test('goes on to the next release after an answer', () => {
    const watch = asked(awaiting(nothingAwaited, [SEVEN], SEVEN - MINUTE, 0))
    const next = SEVEN + 24 * 60 * MINUTE

    expect(awaiting(watch, [next], SEVEN + 600, 0)).toEqual({
      askedUntil: SEVEN,
      releaseAt: next,
      askAt: next + SOONEST_MS,
    })
  })

  test('waits for nothing when all is released', () => {
    const watch = awaiting(nothingAwaited, [], SEVEN, 0)

    expect(secondsLeft(watch, SEVEN)).toBeNull()
    expect(isDue(watch, SEVEN + MINUTE)).toBe(false)
  })
})

describe('a refused question', () => {
  const refused = asked(awaiting(nothingAwaited, [SEVEN], SEVEN - MINUTE, 0))

  test('is repeated when the server said when, a little spread', () => {
    expect(putOff(refused, 5, SEVEN + 700, 0).askAt).toBe(SEVEN + 5700)
    expect(putOff(refused, 5, SEVEN + 700, 1).askAt).toBe(SEVEN + 5700 + LATEST_MS)
  })

  test('is not repeated when the server did not say', () => {
    expect(putOff(refused, null, SEVEN + 700, 0).askAt).toBeNull()
  })

  test('is over once answered', () => {
    const later = asked(putOff(refused, 5, SEVEN + 700, 0))

    expect(awaiting(later, [], SEVEN + 6000, 0).askAt).toBeNull()
  })
})
