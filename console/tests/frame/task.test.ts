import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Offline, Refusal } from '@/api/refusal'
import { useTask } from '@/parts/task'

beforeEach(() => vi.useFakeTimers())
afterEach(() => vi.useRealTimers())

const refusal = (status: number) => new Refusal('no', 'no', status, null, {})

/** A deed whose outcomes are given one by one; remembers the keys it got. */
function deedOf(...outcomes: unknown[]) {
  const keys: string[] = []
  const task = useTask(async (once: string, _value: string) => {
    keys.push(once)
    const outcome = outcomes.shift()
    if (outcome instanceof Error) throw outcome
    return outcome
  })
  return { keys, task }
}

test('an unclear outcome keeps the key for the same values, so nothing is done twice', async () => {
  const { keys, task } = deedOf(new Offline('lost'), refusal(503), 'done', 'done')
  await task.run('a')
  expect(task.problem).toBeInstanceOf(Offline)
  await task.run('a')
  expect(await task.run('a')).toBe('done')
  await task.run('a')
  expect(new Set(keys.slice(0, 3)).size).toBe(1)
  expect(keys[3]).not.toBe(keys[0])
})

test('other values or a clear refusal take a new key', async () => {
  const { keys, task } = deedOf(new Offline('lost'), refusal(409), 'done')
  await task.run('a')
  await task.run('b')
  await task.run('b')
  expect(new Set(keys).size).toBe(3)
})

test('it runs once at a time and says after 400 ms that it is slow', async () => {
  let end: (value: string) => void = () => undefined
  const deed = vi.fn(() => new Promise<string>((resolve) => (end = resolve)))
  const task = useTask(deed)
  const first = task.run()
  expect(await task.run()).toBeUndefined()
  expect(deed).toHaveBeenCalledTimes(1)
  vi.advanceTimersByTime(399)
  expect([task.isRunning, task.isSlow]).toEqual([true, false])
  vi.advanceTimersByTime(1)
  expect(task.isSlow).toBe(true)
  end('done')
  expect(await first).toBe('done')
  expect([task.isRunning, task.isSlow]).toEqual([false, false])
})
