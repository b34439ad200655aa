import { flushPromises, mount } from '@vue/test-utils'
import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import Security from '@/areas/login/security.vue'
import Today from '@/areas/today/today.vue'
import PersonMenu from '@/components/person-menu.vue'
import { useSecurityEvents } from '@/parts/security-events'
import { useStaff } from '@/parts/staff'
import { texts as frame } from '@/texts/app'
import { texts } from '@/texts/login'
import { texts as today } from '@/texts/today'
import { json, me, problem, serve } from '../frame/server'

beforeEach(() => setActivePinia(createPinia()))
afterEach(() => vi.unstubAllGlobals())

const agent = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36'
const event = (id: string, kind: string, more: object = {}) => ({
  id,
  kind,
  at: '2026-11-23T09:30:00+08:00',
  address: '203.0.113.7',
  device: agent,
  patient_name: null,
  seen_at: null,
  ...more,
})
const events = [
  event('e3', 'new_device'),
  event('e2', 'access_reset', { address: null, device: null }),
  event('e1', 'password_changed', { seen_at: '2026-11-22T09:30:00+08:00' }),
]

/** Each part of the page, mounted once the person is known and everything has come. */
async function shown(page: object, items: object[] = events) {
  const asked = serve(({ url, method }) => {
    if (method === 'POST') return json(null, 204)
    if (url.endsWith('/security-events')) return json({ items })
    return url.endsWith('/staff/me') ? json(me()) : problem('not-found', 404)
  })
  await useStaff().recall()
  const mounted = mount(page, { global: { stubs: { 'router-link': { template: '<a><slot /></a>' } } } })
  await flushPromises()
  return { mounted, sent: asked.filter(({ method }) => method === 'POST') }
}

test('events are told in words with time, device and address, the new ones marked', async () => {
  const { mounted } = await shown(Security)
  const rows = mounted.findAll('tbody tr').map((row) => row.findAll('td').map((cell) => cell.text()))
  expect(rows.map(([what, , device, address]) => [what, device, address])).toEqual([
    [`${texts.security.kinds.new_device} ${texts.security.isNew}`, 'Chrome（Windows）', '203.0.113.7'],
    [`${texts.security.kinds.access_reset} ${texts.security.isNew}`, '—', '—'],
    [texts.security.kinds.password_changed, 'Chrome（Windows）', '203.0.113.7'],
  ])
  expect(rows[0][1]).toContain('09:30')
})

test('what was shown is noted as seen up to the newest, and is counted no more', async () => {
  const { sent } = await shown(Security)
  expect(sent.map(({ url, body }) => [url, body])).toEqual([
    ['/api/v1/staff/me/security-events/seen', { newest_id: 'e3' }],
  ])
  expect(useSecurityEvents().unseen).toBe(0)
})

test('events are shown even when it could not be noted that they were', async () => {
  serve(({ method }) => (method === 'POST' ? problem('unavailable', 503) : json({ items: events })))
  const page = mount(Security, { global: { stubs: ['router-link'] } })
  await flushPromises()
  expect([page.findAll('tbody tr').length, useSecurityEvents().unseen]).toEqual([3, 2])
})

test('where nothing is new nothing is noted', async () => {
  const { sent } = await shown(Security, [events[2]])
  expect(sent).toEqual([])
})

test('where nothing happened the page says so', async () => {
  const { mounted, sent } = await shown(Security, [])
  expect(mounted.text()).toContain(texts.security.none)
  expect(sent).toEqual([])
})

test('the person’s menu counts what is new', async () => {
  const { mounted } = await shown(PersonMenu)
  expect(mounted.get('.drop-opener').text()).toBe('Li 2 ▾')
  await mounted.get('.drop-opener').trigger('click')
  expect(mounted.get('.drop-item').text()).toBe(`${frame.frame.security} ${frame.frame.newEvents(2)}`)
})

test('another person who logs in is not told of the first one’s events', async () => {
  await shown(PersonMenu)
  serve(({ url }) => (url.endsWith('/staff/me') ? json(me({ id: 'm2' })) : json({ items: [] })))
  await useStaff().recall(true)
  await flushPromises()
  expect(useSecurityEvents().unseen).toBe(0)
})

test('events that cannot be had trouble nobody', async () => {
  serve(({ url }) => (url.endsWith('/staff/me') ? json(me()) : problem('unavailable', 503)))
  await useStaff().recall()
  const menu = mount(PersonMenu, { global: { stubs: ['router-link'] } })
  await flushPromises()
  expect(menu.get('.drop-opener').text()).toMatch(/^Li\s+▾$/)
})

test('Today tells of what is new until it was seen', async () => {
  const { mounted } = await shown(Today)
  await useSecurityEvents().look()
  await flushPromises()
  expect(mounted.get('.banner').text()).toContain(today.securityNew(2))
  await useSecurityEvents().see()
  expect(mounted.find('.banner').exists()).toBe(false)
})
