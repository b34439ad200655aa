/** Answers asked for before the program ran: taken once, by the very request they stand for. */
import { beforeEach, expect, test } from 'vitest'
import { sentAhead, type EarlyAnswer } from '../../runtime/ahead'

const plain = { method: 'GET', headers: { 'content-type': 'application/json' } }
const { signal } = new AbortController()
const early: EarlyAnswer = { response: Promise.resolve(new Response('early')), stop: new AbortController() }

beforeEach(() => {
  const address = new URL('/list', location.href).href
  Object.assign(globalThis, { __earlyAnswers: new Map([[address, early]]) })
})

test('the first request for an address takes what was asked for early, the next one does not', async () => {
  expect(await (await sentAhead('/list', plain, signal))?.text()).toBe('early')
  expect(sentAhead('/list', plain, signal)).toBeUndefined()
})

test.each([
  ['another address', '/list?city=x', plain],
  ['another method', '/list', { ...plain, method: 'POST' }],
  ['a header more', '/list', { ...plain, headers: { ...plain.headers, authorization: 'Bearer x' } }],
])('%s is another request', (_, url, init) => {
  expect(sentAhead(url, init, signal)).toBeUndefined()
})

test('a request that is given up ends the early one', () => {
  const mine = new AbortController()
  void sentAhead('/list', plain, mine.signal)
  mine.abort()
  expect(early.stop.signal.aborted).toBe(true)
})
