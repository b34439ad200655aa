import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { effectScope, nextTick, shallowRef } from 'vue'
import { Refusal } from '@/api/refusal'
import { proofOf } from '@/areas/login/proof'
import { useWaiting } from '@/areas/login/waiting'
import { texts } from '@/texts/login'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

test('after too many tries the seconds are counted down to none', async () => {
  const problem = shallowRef<unknown>(null)
  const scope = effectScope()
  const waiting = scope.run(() => useWaiting(() => problem.value))!
  expect(waiting.leftS).toBe(0)

  problem.value = new Refusal('staff-login-paused', '', 429, 15, {})
  await nextTick()
  expect(waiting.leftS).toBe(15)
  vi.advanceTimersByTime(4_000)
  expect(waiting.leftS).toBe(11)
  vi.advanceTimersByTime(20_000)
  expect(waiting.leftS).toBe(0)
  scope.stop()
})

test('another refusal makes nobody wait', async () => {
  const problem = shallowRef<unknown>(null)
  const scope = effectScope()
  const waiting = scope.run(() => useWaiting(() => problem.value))!

  problem.value = new Refusal('staff-login-refused', '', 401, null, {})
  await nextTick()

  expect(waiting.leftS).toBe(0)
  scope.stop()
})

test('the time left is told in minutes and seconds', () => {
  expect([texts.left(9), texts.left(60), texts.left(905)]).toEqual(['9 秒', '1 分 00 秒', '15 分 05 秒'])
})

test('six digits are a code of the app, anything else is a recovery code', () => {
  expect(proofOf(' 123 456 ')).toEqual({ totp_code: '123456' })
  expect(proofOf('bcdfg-23456 ')).toEqual({ recovery_code: 'bcdfg-23456' })
})
