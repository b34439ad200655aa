import { mount } from '@vue/test-utils'
import { createPinia, setActivePinia } from 'pinia'
import { expect, test } from 'vitest'
import { createMemoryHistory, createRouter, type RouteRecordRaw } from 'vue-router'
import SideMenu from '@/components/side-menu.vue'
import { bookingCommands, doctorCommands, moved, pageCommands } from '@/parts/commands'
import { menuOf, sectionOf } from '@/parts/menu'
import type { AreaRoute } from '@/parts/route'
import { useStaff, type Staff } from '@/parts/staff'
import { areaRoutes } from '@/router'
import { me } from './server'

const route = (
  path: string,
  group: 'work' | 'money' | null,
  order = 0,
  permission?: 'view_orders',
): AreaRoute => ({
  path,
  name: path,
  component: () => Promise.resolve({}),
  meta: { title: `title ${path}`, permission, ...(group ? { menu: { group, order, icon: 'home' } } : {}) },
})
const routes = [
  route('/orders', 'money', 10, 'view_orders'),
  route('/b', 'work', 20),
  route('/a', 'work', 10),
  route('/orders/:id', null),
]

test('the menu has what may be opened, by group and order, and no group without entries', () => {
  const everything = menuOf(routes, () => true)
  expect(everything.map(({ group, entries }) => [group, entries.map(({ path }) => path)])).toEqual([
    ['work', ['/a', '/b']],
    ['money', ['/orders']],
  ])
  expect(menuOf(routes, ({ permission }) => permission === undefined).map(({ group }) => group)).toEqual([
    'work',
  ])
})

test('a page belongs to the menu entry above it', () => {
  expect(sectionOf(routes, '/orders/17')).toBe('/orders')
  expect(sectionOf(routes, '/a')).toBe('/a')
  expect(sectionOf(routes, '/ab')).toBe('/ab')
})

test('the entry of an open page is marked, also on a page below it', async () => {
  const pinia = createPinia()
  setActivePinia(pinia)
  useStaff().staff = me({ permissions: ['view_orders', 'view_books'] }) as unknown as Staff
  // without the pages themselves, which take seconds to load
  const routes = areaRoutes.map((one) => ({ ...one, component: {} })) as unknown as RouteRecordRaw[]
  const router = createRouter({ history: createMemoryHistory(), routes })
  const marked = async (path: string) => {
    await router.push(path)
    const menu = mount(SideMenu, { props: { narrow: false }, global: { plugins: [pinia, router] } })
    return menu
      .findAll('[aria-current]')
      .map((link) => [link.attributes('href'), link.attributes('aria-current')])
  }

  expect(await marked('/orders?q=1')).toEqual([['/orders', 'page']])
  expect(await marked('/orders/17')).toEqual([['/orders', 'true']])
  expect(await marked('/reconciliation/wechat/2026-11-22')).toEqual([['/reconciliation', 'true']])
  expect(await marked('/devices')).toEqual([])
})

test('search finds pages by a part of title or group', () => {
  const sections = menuOf(routes, () => true)
  expect(pageCommands(sections, ' ORDERS ').map(({ to }) => to)).toEqual(['/orders'])
  expect(pageCommands(sections, '')).toHaveLength(3)
})

test('an appointment number is offered to those who may see bookings', () => {
  expect(bookingCommands('a1b2-c3', true)[0].to).toBe('/bookings?q=A1B2-C3')
  expect(bookingCommands('a1b2-c3', false)).toEqual([])
  expect(['张三', 'abc', '12', '12 34'].flatMap((typed) => bookingCommands(typed, true))).toEqual([])
})

test('doctors are offered by name', () => {
  const doctors = [{ id: '1', name: '李明', title: '主任医师' }]
  expect(doctorCommands(doctors, '李')).toEqual([
    { kind: 'doctors', title: '李明', note: '主任医师', to: '/doctors/1' },
  ])
})

test('arrow keys go around the ends', () => {
  expect([moved(0, -1, 3), moved(2, 1, 3), moved(0, 1, 0)]).toEqual([2, 0, 0])
})

test('paths and names of all pages are different, and every menu entry has another place', () => {
  const once = (values: unknown[]) => expect(new Set(values).size).toBe(values.length)
  once(areaRoutes.map(({ path }) => path))
  once(areaRoutes.map(({ name }) => name))
  once(areaRoutes.flatMap(({ meta }) => (meta.menu ? [`${meta.menu.group} ${meta.menu.order}`] : [])))
})
