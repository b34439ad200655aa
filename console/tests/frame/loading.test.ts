import { effectScope } from 'vue'
import { afterEach, expect, test, vi } from 'vitest'
import { heardOf } from '@/api/session'
import { Offline, Refusal } from '@/api/refusal'
import { useLoading } from '@/parts/loading'
import { watchReach } from '@/parts/reach'
import { json, serve } from './server'

afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
  heardOf(true)
})

function loading(...answers: (() => Promise<string>)[]) {
  const scope = effectScope()
  const load = vi.fn(() => (answers.shift() ?? (() => Promise.resolve('content')))())
  return { load, scope, shown: scope.run(() => useLoading(load))! }
}

test('what a silent server kept back is loaded when it answers again, a refusal is not', async () => {
  const silent = loading(() => Promise.reject(new Offline('x')))
  const refused = loading(() => Promise.reject(new Refusal('x', 'no', 502, null, {})))
  heardOf(false)
  await vi.waitFor(() => expect(silent.shown.problem).toBeInstanceOf(Offline))

  heardOf(true)
  await vi.waitFor(() => expect([silent.shown.content, silent.shown.problem]).toEqual(['content', null]))
  expect([silent.load.mock.calls.length, refused.load.mock.calls.length]).toEqual([2, 1])
  silent.scope.stop()
  refused.scope.stop()
})

test('a server that does not answer is asked until it does', async () => {
  vi.useFakeTimers()
  const asked = serve(
    () => Promise.reject(new TypeError('no network')),
    () => json({ needs_first_admin: false }),
  )
  const scope = effectScope()
  scope.run(watchReach)
  await vi.advanceTimersByTimeAsync(20_000)
  expect(asked).toHaveLength(0)

  heardOf(false)
  await vi.advanceTimersByTimeAsync(30_000)
  expect(asked).toHaveLength(2)
  scope.stop()
})
