import { effectScope } from 'vue'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { useIdle } from '@/parts/idle'

const minuteMs = 60_000

beforeEach(() => vi.useFakeTimers())
afterEach(() => vi.useRealTimers())

function watched() {
  const wake = vi.fn(() => Promise.resolve())
  const end = vi.fn(() => Promise.resolve())
  const scope = effectScope()
  const idle = scope.run(() => useIdle({ idleMs: () => 30 * minuteMs, wake, end }))!
  return { idle, wake, end, scope }
}
const touch = () => window.dispatchEvent(new Event('pointerdown'))

test('the last two minutes are counted down, then the login is ended once', () => {
  const { idle, end, scope } = watched()
  vi.advanceTimersByTime(27 * minuteMs)
  expect(idle.leftS.value).toBeNull()
  vi.advanceTimersByTime(minuteMs + 1_000)
  expect(idle.leftS.value).toBe(119)
  vi.advanceTimersByTime(5 * minuteMs)
  expect(idle.leftS.value).toBeNull()
  expect(end).toHaveBeenCalledTimes(1)
  scope.stop()
})

test('using the page before the warning keeps the login, and tells the server now and then', () => {
  const { idle, wake, end, scope } = watched()
  for (let minute = 0; minute < 60; minute++) {
    vi.advanceTimersByTime(minuteMs)
    touch()
  }
  expect(idle.leftS.value).toBeNull()
  expect(end).not.toHaveBeenCalled()
  expect(wake.mock.calls.length).toBeGreaterThanOrEqual(11)
  expect(wake.mock.calls.length).toBeLessThanOrEqual(13)
  scope.stop()
})

test('under the warning a touch is not enough, the answer is', () => {
  const { idle, scope } = watched()
  vi.advanceTimersByTime(29 * minuteMs)
  touch()
  expect(idle.leftS.value).toBe(60)
  idle.stay()
  expect(idle.leftS.value).toBeNull()
  scope.stop()
})

test('use in another tab counts here too', () => {
  const { idle, end, scope } = watched()
  vi.advanceTimersByTime(20 * minuteMs)
  localStorage.setItem('guahao.used-at', String(Date.now()))
  vi.advanceTimersByTime(20 * minuteMs)
  expect([idle.leftS.value, end.mock.calls.length]).toEqual([null, 0])
  scope.stop()
})

test('nothing is watched any longer when the frame is gone', () => {
  const { end, scope } = watched()
  scope.stop()
  vi.advanceTimersByTime(60 * minuteMs)
  expect(end).not.toHaveBeenCalled()
})
