// The client over wx.request: sharing, logging in anew, refusals, no network.
import { beforeEach, expect, test, vi } from 'vitest'
import { type Answered, placeWx, type Sent } from './wx'

const loggedOut: Answered = { status: 401, data: { code: 'not-logged-in', title: '登录已失效', status: 401 } }

beforeEach(() => vi.resetModules())

async function start(answer: (sent: Sent) => Answered | Promise<Answered>) {
  const placed = placeWx(answer)
  const { api, newKey } = await import('../src/api/client')
  return { ...placed, api, newKey }
}

test('reads of one address at the same time share a request, later ones do not', async () => {
  const { api, log } = await start(() => ({ data: { items: [] } }))
  await Promise.all([api.get('/api/v1/hospitals'), api.get('/api/v1/hospitals')])
  await api.get('/api/v1/hospitals', { query: { city: '南京' } })
  await api.get('/api/v1/hospitals')
  expect(log.map(({ url }) => url)).toEqual([
    '/api/v1/hospitals',
    `/api/v1/hospitals?city=${encodeURIComponent('南京')}`,
    '/api/v1/hospitals',
  ])
})

test('a failed read is not kept', async () => {
  let count = 0
  const { api } = await start(() => {
    if (++count === 1) throw new Error('timeout')
    return { data: { items: [1] } }
  })
  await expect(api.get('/api/v1/hospitals')).rejects.toThrow('timeout')
  expect(await api.get('/api/v1/hospitals')).toEqual({ items: [1] })
})

test('parts of a path are filled in and escaped, and a deed carries its key', async () => {
  const { api, log, newKey } = await start(() => ({ status: 201, data: {} }))
  await api.get('/api/v1/doctors/{doctor_id}', { path: { doctor_id: 'a/b' } })
  const key = newKey()
  await api.post('/api/v1/appointments', { body: { slot_id: 's', patient_id: 'p' }, once: key })
  expect(log[0].url).toBe('/api/v1/doctors/a%2Fb')
  expect(log[1].header['idempotency-key']).toBe(key)
  expect(key).toMatch(/^[0-9a-f]{32}$/)
  expect(newKey()).not.toBe(key)
})

test('a login by WeChat that ended is made anew once, and what was asked is asked again', async () => {
  const { api, log, storage } = await start(({ url, header }) => {
    if (url === '/api/v1/logins') return { status: 201, data: { token: 'new', account: {} } }
    return header.authorization === 'Bearer new' ? { data: { id: 'me' } } : loggedOut
  })
  storage.set('login-token', 'old').set('login-kind', 'wechat')
  expect(await api.get('/api/v1/me')).toEqual({ id: 'me' })
  expect(log.map(({ method, url }) => `${method} ${url}`)).toEqual([
    'GET /api/v1/me',
    'POST /api/v1/logins',
    'GET /api/v1/me',
  ])
  expect(log[1].data).toEqual({ kind: 'wechat', js_code: 'code-of-weixin' })
  expect(storage.get('login-token')).toBe('new')
})

test('many requests whose login ended share one new login', async () => {
  const { api, log, storage } = await start(({ url, header }) => {
    if (url === '/api/v1/logins') return { status: 201, data: { token: 'new', account: {} } }
    return header.authorization === 'Bearer new' ? { data: { items: [] } } : loggedOut
  })
  storage.set('login-token', 'old').set('login-kind', 'wechat')
  await Promise.all([api.get('/api/v1/patients'), api.get('/api/v1/consents'), api.get('/api/v1/logins')])
  expect(log.filter(({ method }) => method === 'POST')).toHaveLength(1)
})

test('a login by password that ended is dropped and refused', async () => {
  const { api, log, storage } = await start(() => loggedOut)
  storage.set('login-token', 'old').set('login-kind', 'password')
  await expect(api.get('/api/v1/me')).rejects.toMatchObject({ code: 'not-logged-in', title: '登录已失效' })
  expect(storage.has('login-token')).toBe(false)
  expect(log).toHaveLength(1)
})

test('a new login that is refused too ends in the refusal, without asking for ever', async () => {
  const { api, log, storage } = await start(() => loggedOut)
  storage.set('login-token', 'old').set('login-kind', 'wechat')
  await expect(api.get('/api/v1/me')).rejects.toMatchObject({ code: 'not-logged-in' })
  expect(log.map(({ url }) => url)).toEqual(['/api/v1/me', '/api/v1/logins'])
})

test('a refusal has the words, the other members and the time to wait', async () => {
  const { api } = await start(() => ({
    status: 429,
    data: { type: 'x', code: 'sms-limit-reached', title: '请稍后再试。', status: 429, limit: 5 },
    header: { 'Retry-After': '42' },
  }))
  const refusal = await api
    .post('/api/v1/sms-codes', { body: { phone: '13800138000', purpose: 'login' } })
    .catch((error: unknown) => error)
  expect(refusal).toMatchObject({
    code: 'sms-limit-reached',
    title: '请稍后再试。',
    status: 429,
    retryAfterS: 42,
  })
  expect(refusal).toMatchObject({ extra: { limit: 5 } })
})

test('an answer that is no problem document still has a sentence', async () => {
  const { api } = await start(() => ({ status: 502, data: '<html>Bad Gateway</html>' }))
  await expect(api.get('/api/v1/hospitals')).rejects.toMatchObject({
    status: 502,
    title: expect.stringContaining('请稍后再试'),
  })
})

test('the page of a network that wants a login first is no answer, whatever its status', async () => {
  const { api } = await start(() => ({ status: 200, data: '<html>WiFi</html>' }))
  const { isUncertain } = await import('../src/api/refusal')
  const refusal = await api.get('/api/v1/hospitals').catch((error: unknown) => error)
  expect(refusal).toMatchObject({ code: 'no-problem-document' })
  expect(isUncertain(refusal)).toBe(true)
})

test('where storage is full or forbidden a login lasts as long as the program', async () => {
  const { world } = placeWx(() => ({}))
  const forbidden = () => {
    throw new Error('setStorageSync:fail')
  }
  Object.assign(world, { getStorageSync: forbidden, setStorageSync: forbidden, removeStorageSync: forbidden })
  const { dropToken, keepToken, token } = await import('../src/api/token')
  expect(token()).toBeNull()
  keepToken('t', 'sms')
  expect(token()).toBe('t')
  dropToken()
  expect(token()).toBeNull()
})

test('no network is told apart from a refusal', async () => {
  const { api } = await start(() => {
    throw new Error('no network')
  })
  const { Offline } = await import('../src/api/refusal')
  await expect(api.get('/api/v1/hospitals')).rejects.toBeInstanceOf(Offline)
})

test('Retry-After may be a date', async () => {
  const { retryAfter } = await import('../src/api/refusal')
  const now = Date.parse('2026-11-23T00:00:00Z')
  expect(retryAfter('Mon, 23 Nov 2026 00:00:30 GMT', now)).toBe(30)
  expect(retryAfter('Sun, 22 Nov 2026 00:00:30 GMT', now)).toBe(0)
  expect(retryAfter('soon', now)).toBeNull()
  expect(retryAfter(undefined, now)).toBeNull()
})

test('the server clock is found within a second however wrong the phone is', async () => {
  const { learn, serverNow } = await import('../src/api/clock')
  const phone = Date.now()
  const server = phone + 600_000
  for (const lag of [0, 300, 700]) {
    const date = new Date(Math.floor((server + lag) / 1000) * 1000).toUTCString()
    learn(date, phone + lag - 20, phone + lag + 20)
  }
  expect(Math.abs(serverNow() - Date.now() - 600_000)).toBeLessThan(500)
})

test('what wx.request cannot PATCH is sent as a POST that says so', async () => {
  const { api, log } = await start(() => ({ data: {} }))
  await api.patch('/api/v1/patients/{patient_id}', { path: { patient_id: 'p' }, body: { relation: 'child' } })
  expect(log[0].method).toBe('POST')
  expect(log[0].header['x-http-method-override']).toBe('PATCH')
})
