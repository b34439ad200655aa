import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { csrfToken, loggedOut } from '@/api/session'
import { guard } from '@/parts/guard'
import { finish, renewalFor, renewed, watchLogin } from '@/parts/renewal'
import { useStaff } from '@/parts/staff'
import { json, me, problem, serve } from './server'

beforeEach(() => setActivePinia(createPinia()))
afterEach(() => vi.unstubAllGlobals())

const hospitals = {
  items: [
    { id: '7', name: 'Seven' },
    { id: '8', name: 'Eight' },
  ],
}
const place = (path: string, query: object = {}, meta: object = {}) =>
  ({ path, fullPath: path, query, hash: '', meta }) as never

/** A server that knows who is logged in. */
function serveAs(who: object | null) {
  return serve(({ url }) => {
    if (url.endsWith('/hospitals')) return json(hospitals)
    return who ? json(who) : problem('not-logged-in', 401)
  })
}

test('who is logged in is asked once, and keeps the CSRF token in memory alone', async () => {
  const asked = serveAs(me())
  const staff = useStaff()
  await Promise.all([staff.recall(), staff.recall()])
  expect(asked).toHaveLength(1)
  expect([staff.staff?.name, staff.hospitalId, csrfToken()]).toEqual(['Li', '1', 'token-1'])
  expect([staff.can('manage_staff'), staff.can('view_audit')]).toEqual([true, false])
  expect(staff.mayOpen({ permission: ['view_audit', 'manage_staff'] })).toBe(true)
  expect(JSON.stringify({ ...localStorage, ...sessionStorage })).not.toContain('token')
})

test('people of a hospital stay in theirs, the platform’s choose one and it is kept', async () => {
  serveAs(me({ hospital_id: null, permissions: ['view_catalog'] }))
  const staff = useStaff()
  await staff.recall()
  expect([staff.isPlatform, staff.hospitalId]).toEqual([true, '7'])
  staff.choose('8')
  setActivePinia(createPinia())
  const again = useStaff()
  await again.recall()
  expect(again.hospitalId).toBe('8')

  serveAs(me({ hospital_id: '1' }))
  await again.recall(true)
  expect(again.hospitalId).toBe('1')
})

test('who is not logged in goes to the login page and back afterwards', async () => {
  serveAs(null)
  expect(await guard(place('/people'), place('/'))).toEqual({ path: '/login', query: { to: '/people' } })
  expect(await guard(place('/login', {}, { public: true }), place('/'))).toBe(true)
})

test('a server that does not answer is told, not taken for a login that ended', async () => {
  serve(() => Promise.reject(new TypeError('down')))
  expect(await guard(place('/people'), place('/'))).toBe(true)
  expect(useStaff().problem).not.toBeNull()
})

test('who still owes a second factor is led to it from everywhere', async () => {
  serveAs(me({ lacks_second_factor: true }))
  expect(await guard(place('/people'), place('/'))).toEqual({
    path: '/second-factor',
    query: { to: '/people' },
  })
  expect(await guard(place('/second-factor'), place('/people'))).toBe(true)
})

test('a link names a hospital: it is switched to, and the name leaves the address', async () => {
  serveAs(me({ hospital_id: null, permissions: ['view_catalog'] }))
  const way = await guard(place('/bookings', { hospital: '8', q: 'x' }), place('/'))
  expect(way).toEqual({ path: '/bookings', query: { q: 'x' }, hash: '', replace: true })
  expect(useStaff().hospitalId).toBe('8')
})

test('a login that ended is renewed over the page by the same person', async () => {
  serveAs(me())
  watchLogin()
  await useStaff().recall()
  serveAs(null)
  const waiting = loggedOut()
  await vi.waitFor(() => expect(renewalFor.value).toBe('li'))
  serveAs(me({ csrf_token: 'token-2' }))
  await renewed()
  expect(await waiting).toBe(true)
  expect([renewalFor.value, csrfToken()]).toEqual([null, 'token-2'])
})

test('another tab logged in meanwhile: only the token is taken over, nobody is asked', async () => {
  serveAs(me())
  watchLogin()
  await useStaff().recall()
  serveAs(me({ csrf_token: 'token-3' }))
  expect(await loggedOut()).toBe(true)
  expect([renewalFor.value, csrfToken()]).toEqual([null, 'token-3'])
})

test('who does not log in again is not logged in', async () => {
  serveAs(me())
  watchLogin()
  await useStaff().recall()
  serveAs(null)
  const waiting = loggedOut()
  await vi.waitFor(() => expect(renewalFor.value).toBe('li'))
  finish(false)
  expect(await waiting).toBe(false)
})

test('a login that nobody can ask about is renewed too', async () => {
  serveAs(me())
  watchLogin()
  await useStaff().recall()
  serve(() => Promise.reject(new TypeError('no network')))
  const waiting = loggedOut()
  await vi.waitFor(() => expect(renewalFor.value).toBe('li'))
  serveAs(me())
  await renewed()
  expect(await waiting).toBe(true)
})

test('a new installation lacks its first hospital, once it is known that there is none', async () => {
  const staff = useStaff()
  serve(({ url }) =>
    url.endsWith('/hospitals')
      ? json({ items: [] })
      : json(me({ hospital_id: null, permissions: ['view_catalog', 'create_hospital'] })),
  )
  expect(staff.lacksFirstHospital).toBe(false)
  await staff.recall()
  expect([staff.lacksFirstHospital, staff.hospitalId]).toEqual([true, null])
})
