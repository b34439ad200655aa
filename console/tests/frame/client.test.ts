import { afterEach, expect, test, vi } from 'vitest'
import { api, newKey, Offline, Refusal } from '@/api/client'
import { answerTouched, touched } from '@/api/touched'
import { isReached, keepCsrfToken, onLoggedOut } from '@/api/session'
import { json, problem, serve } from './server'

afterEach(() => {
  vi.unstubAllGlobals()
  onLoggedOut(() => Promise.resolve(false))
  keepCsrfToken(null)
})

test('a path is filled in and a query leaves out what is empty', async () => {
  const asked = serve(() => json({ items: [] }))
  await api.get('/api/v1/staff/members', { query: { q: '', limit: 5, role: 'desk' } as object })
  await api.get('/api/v1/staff/hospitals/{hospital_id}', { path: { hospital_id: 'a/b' } as never })
  expect(asked.map(({ url }) => url)).toEqual([
    '/api/v1/staff/members?limit=5&role=desk',
    '/api/v1/staff/hospitals/a%2Fb',
  ])
})

test('writing sends the CSRF token and the once-key, reading sends neither', async () => {
  keepCsrfToken('token-1')
  const asked = serve(() => json({}))
  const once = newKey()
  await api.post('/api/v1/staff/members', { body: { name: 'x' } as never, once })
  await api.get('/api/v1/staff/me')
  expect(asked[0].headers.get('x-csrf-token')).toBe('token-1')
  expect(asked[0].headers.get('idempotency-key')).toBe(once)
  expect(asked[0].body).toEqual({ name: 'x' })
  expect(asked[1].headers.get('x-csrf-token')).toBeNull()
  expect(once).toMatch(/^[0-9a-f]{32}$/)
})

test('a problem document becomes a refusal with the server’s sentence', async () => {
  serve(() => problem('slot-full', 409, { left: 0 }))
  const error = await api.get('/api/v1/staff/me').catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(Refusal)
  expect(error).toMatchObject({ code: 'slot-full', title: 'title of slot-full', status: 409 })
  expect((error as Refusal).extra.left).toBe(0)
})

test('a page of some gateway is no answer of ours, whatever its status', async () => {
  serve(() => new Response('<html>', { status: 200 }))
  await expect(api.get('/api/v1/staff/me')).rejects.toMatchObject({ code: 'no-problem-document' })
})

test('no answer is Offline, and is noticed until the next answer', async () => {
  serve(
    () => Promise.reject(new TypeError('fetch failed')),
    () => json({}),
  )
  await expect(api.get('/api/v1/staff/me')).rejects.toBeInstanceOf(Offline)
  expect(isReached.value).toBe(false)
  await api.get('/api/v1/staff/me')
  expect(isReached.value).toBe(true)
})

test('a call that finds the login ended is made again after logging in, with the new token', async () => {
  keepCsrfToken('old')
  const asked = serve(
    () => problem('not-logged-in', 401),
    () => json({ id: 'made' }),
  )
  onLoggedOut(async () => {
    keepCsrfToken('new')
    return true
  })
  const answer = await api.post('/api/v1/staff/members', { body: {} as never, once: 'k' })
  expect(answer).toEqual({ id: 'made' })
  expect(asked.map(({ headers }) => headers.get('x-csrf-token'))).toEqual(['old', 'new'])
  expect(asked.map(({ headers }) => headers.get('idempotency-key'))).toEqual(['k', 'k'])
})

test('calls that find the login ended together ask the person once', async () => {
  let isOver = true
  serve(() => (isOver ? problem('not-logged-in', 401) : json({})))
  const ask = vi.fn(async () => {
    await Promise.resolve()
    isOver = false
    return true
  })
  onLoggedOut(ask)
  await Promise.all([api.get('/api/v1/staff/me'), api.get('/api/v1/staff/hospitals')])
  expect(ask).toHaveBeenCalledTimes(1)
})

test('a refused login is not asked about again when the caller says so, or when nobody logs in', async () => {
  serve(() => problem('not-logged-in', 401))
  const ask = vi.fn(() => Promise.resolve(false))
  onLoggedOut(ask)
  await expect(api.get('/api/v1/staff/me', { renews: false })).rejects.toMatchObject({ status: 401 })
  expect(ask).not.toHaveBeenCalled()
  await expect(api.get('/api/v1/staff/me')).rejects.toMatchObject({ status: 401 })
})

const touching = (people: number) =>
  problem('edit-touches-sessions', 409, { consequences: [`${people} people`], confirm: `token-${people}` })
const edit = () =>
  api.put('/api/v1/staff/doctors/{doctor_id}', {
    path: { doctor_id: 'd' },
    body: {} as never,
  })

test('an edit that touches people is sent again with what was told, and told anew when it has changed', async () => {
  const asked = serve(
    () => touching(2),
    () => touching(3),
    () => json({}),
  )
  const saved = edit()
  await vi.waitFor(() => expect(touched.value?.consequences).toEqual(['2 people']))
  answerTouched(true)
  await vi.waitFor(() => expect(touched.value?.consequences).toEqual(['3 people']))
  answerTouched(true)
  await saved
  expect(asked.map(({ url }) => url)).toEqual([
    '/api/v1/staff/doctors/d',
    '/api/v1/staff/doctors/d?confirm=token-2',
    '/api/v1/staff/doctors/d?confirm=token-3',
  ])
  expect(touched.value).toBeNull()
})

test('an edit that is not meant stays refused', async () => {
  const asked = serve(() => touching(2))
  const refused = edit()
  await vi.waitFor(() => expect(touched.value).not.toBeNull())
  answerTouched(false)
  await expect(refused).rejects.toMatchObject({ code: 'edit-touches-sessions' })
  expect(asked).toHaveLength(1)
})
