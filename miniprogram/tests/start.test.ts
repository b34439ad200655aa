// What opens the app: scanned codes, the way back from the login, loading states.
import { beforeEach, expect, test, vi } from 'vitest'
import { codeOf, pageOf } from '../src/parts/scene'
import { placeWx } from './wx'

beforeEach(() => vi.resetModules())

test('a code is read from a mini program code or from an ordinary address', () => {
  expect(codeOf({ scene: 'd%3A12' })).toBe('d:12')
  expect(codeOf({ q: encodeURIComponent('https://guahao.example.cn/m/?scene=r7&x=1') })).toBe('r7')
  expect(codeOf({ q: encodeURIComponent('https://guahao.example.cn/s/h9') })).toBe('h9')
  expect(codeOf({})).toBeNull()
  expect(codeOf({ q: encodeURIComponent('腹痛') })).toBeNull()
  expect(codeOf({ scene: '%E0%A4%A' })).toBe('%E0%A4%A')
})

test('each kind of code has its page', () => {
  const scene = { id: 'i', hospital_id: 'h' }
  expect(pageOf({ kind: 'hospital', ...scene }, 'c')).toBe('/packages/catalog/hospital/hospital?id=i')
  expect(pageOf({ kind: 'department', ...scene }, 'c')).toBe(
    '/packages/catalog/department/department?id=i&hospital=h',
  )
  expect(pageOf({ kind: 'doctor', ...scene }, 'c')).toBe('/packages/catalog/doctor/doctor?id=i')
  expect(pageOf({ kind: 'room', ...scene }, 'r:1/2')).toBe('/packages/catalog/room/room?code=r%3A1%2F2')
})

function placePages(...pages: { route: string; options: Record<string, string> }[]) {
  Object.assign(globalThis, { getCurrentPages: () => pages })
}

test('a login leads back to the page under it, by its whole address', async () => {
  const { routes } = placeWx(() => ({}))
  const { comeBack } = await import('../src/parts/way-back')
  const under = { route: 'packages/booking/confirm/confirm', options: { slot: 's1' } }
  const login = { route: 'packages/account/login/login', options: {} }
  const register = { route: 'packages/account/register/register', options: {} }
  placePages(under, login, register)
  comeBack(register, '/packages/booking/confirm/confirm?slot=s1')
  placePages(login)
  comeBack(login, '/packages/booking/confirm/confirm?slot=s1')
  comeBack(login, '')
  comeBack(login, '/pages/home/home')
  expect(routes).toEqual([
    'back 2',
    'instead /packages/booking/confirm/confirm?slot=s1',
    'tab /pages/mine/mine',
    'tab /pages/home/home',
  ])
})

test('who left the login before its answer came stays where they are', async () => {
  const { routes } = placeWx(() => ({}))
  const { close, comeBack } = await import('../src/parts/way-back')
  const login = { route: 'packages/account/login/login', options: {} }
  placePages({ route: 'pages/home/home', options: {} })
  comeBack(login, '/packages/booking/confirm/confirm?slot=s1')
  close(login)
  expect(routes).toEqual([])
})

test('a page that needs a login asks once and then shows it', async () => {
  const { routes } = placeWx(() => ({}))
  const { requireLogin } = await import('../src/api/login')
  const page = {
    route: 'a/b',
    options: { id: '1' },
    data: {} as object,
    setData: (data: object) => (page.data = data),
  }
  expect(await requireLogin(page)).toBe(false)
  expect(await requireLogin(page)).toBe(false)
  expect(page.data).toEqual({ state: 'login' })
  expect(routes).toEqual([`to /packages/account/login/login?back=${encodeURIComponent('/a/b?id=1')}`])
})

test('of two loads of a page the later one counts', async () => {
  placeWx(() => ({}))
  const { shown } = await import('../src/parts/loading')
  const page = {
    data: {} as { state?: never },
    setData: (data: object) => void Object.assign(page.data, data),
  }
  let finish: (value: 'empty') => void = () => undefined
  const first = shown(page, () => new Promise<'empty'>((resolve) => (finish = resolve)))
  await shown(page, async () => undefined)
  finish('empty')
  await first
  expect(page.data).toEqual({ state: 'ready', problem: null })
})

test('each way to fail has its state', async () => {
  placeWx(() => ({}))
  const { Offline, Refusal } = await import('../src/api/refusal')
  const { shown } = await import('../src/parts/loading')
  const page = {
    data: {} as { state?: never },
    setData: (data: object) => void Object.assign(page.data, data),
  }
  const after = async (error: Error) => {
    await shown(page, () => Promise.reject(error))
    return page.data.state
  }
  expect(await after(new Offline('x'))).toBe('offline')
  expect(await after(new Refusal('not-logged-in', '登录已失效', 401, null, {}))).toBe('login')
  expect(await after(new Refusal('too-many-requests', '请稍候', 429, 7, {}))).toBe('error')
  expect(page.data).toMatchObject({ problem: { title: '请稍候', retryAfterS: 7 } })
})
