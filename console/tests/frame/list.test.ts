import { mount, flushPromises } from '@vue/test-utils'
import { createPinia, setActivePinia } from 'pinia'
import { defineComponent, h } from 'vue'
import { createMemoryHistory, createRouter } from 'vue-router'
import { expect, test, vi } from 'vitest'
import { fromAddress, listQuery, toAddress } from '@/parts/list-address'
import { useList } from '@/parts/list'

const defaults = { q: '', state: 'open' }

test('only what differs from the beginning stands in the address', () => {
  const state = { filters: { q: 'li', state: 'open' }, sort: '-at', cursor: '', page: 1 }
  expect(toAddress(state, defaults, '-at')).toEqual({ q: 'li' })
  const further = { filters: { q: '', state: '' }, sort: 'name', cursor: 'c2', page: 2 }
  const address = toAddress(further, defaults, '-at')
  expect(address).toEqual({ state: '', sort: 'name', cursor: 'c2', page: '2' })
  expect(fromAddress(address as never, defaults, '-at')).toEqual(further)
})

test('an address made up by hand becomes a state that can be asked for', () => {
  const state = fromAddress({ q: ['a', 'b'], page: '-3', foreign: 'x' }, defaults, '-at')
  expect(state).toEqual({ filters: { q: 'a', state: 'open' }, sort: '-at', cursor: '', page: 1 })
  expect(listQuery(state, 50)).toEqual({ q: 'a', state: 'open', sort: '-at', limit: 50 })
})

/** Three pages of one row each; cursors are 'c2' and 'c3'. */
const pages: Record<string, { items: string[]; next_cursor: string | null; total: number }> = {
  '': { items: ['first'], next_cursor: 'c2', total: 3 },
  c2: { items: ['second'], next_cursor: 'c3', total: 3 },
  c3: { items: ['third'], next_cursor: null, total: 3 },
}

async function shown(address = '/things') {
  setActivePinia(createPinia())
  const load = vi.fn(async ({ cursor }: { cursor?: string }) => pages[cursor ?? ''])
  let list!: ReturnType<typeof made>
  const made = () => useList({ key: 'things', load, filters: { ...defaults }, sort: '-at' })
  const page = defineComponent({
    setup() {
      list = made()
      return () => h('p', list.rows.join())
    },
  })
  const routes = [
    { path: '/things', component: page },
    { path: '/other', component: { render: () => null } },
  ]
  const router = createRouter({ history: createMemoryHistory(), routes })
  await router.push(address)
  const wrapper = mount({ template: '<router-view />' }, { global: { plugins: [router] } })
  await flushPromises()
  return { wrapper, list, shownNow: () => list, load, router }
}

test('forward and back go through the pages, and so does the browser’s back button', async () => {
  const { wrapper, list, router } = await shown()
  expect([wrapper.text(), list.page, list.total, list.hasNext]).toEqual(['first', 1, 3, true])
  list.forward()
  list.forward()
  await flushPromises()
  expect([wrapper.text(), list.page]).toEqual(['second', 2])
  list.forward()
  await flushPromises()
  expect([wrapper.text(), list.page, list.hasNext]).toEqual(['third', 3, false])
  router.back()
  await flushPromises()
  expect([wrapper.text(), list.page]).toEqual(['second', 2])
  await list.back()
  await flushPromises()
  expect([wrapper.text(), list.page]).toEqual(['first', 1])
})

test('who came by a link to a later page goes back to the first', async () => {
  const { wrapper, list } = await shown('/things?cursor=c3&page=3')
  expect([wrapper.text(), list.page]).toEqual(['third', 3])
  await list.back()
  await flushPromises()
  expect([wrapper.text(), list.page]).toEqual(['first', 1])
})

test('who comes back from another page goes on to the page before', async () => {
  const { wrapper, list, shownNow, router } = await shown()
  list.forward()
  await flushPromises()
  list.forward()
  await flushPromises()
  await router.push('/other')
  router.back()
  await flushPromises()
  expect(wrapper.text()).toBe('third')
  await shownNow().back()
  await flushPromises()
  expect([wrapper.text(), shownNow().page]).toEqual(['second', 2])
})

test('searching begins at the first page; the same search again asks the server again', async () => {
  const { list, load, router } = await shown('/things?cursor=c2&page=2')
  list.draft.q = 'li'
  await list.search()
  await flushPromises()
  expect(router.currentRoute.value.query).toEqual({ q: 'li' })
  expect(load).toHaveBeenLastCalledWith({ q: 'li', state: 'open', sort: '-at', limit: 50 }, expect.anything())
  const before = load.mock.calls.length
  await list.search()
  expect(load).toHaveBeenCalledTimes(before + 1)
  await list.reset()
  await flushPromises()
  expect([list.draft, list.isFiltered]).toEqual([defaults, false])
})

test('sorting by the same field again turns it round', async () => {
  const { list, load } = await shown('/things?cursor=c2&page=2')
  await list.sortBy('name')
  await list.sortBy('name')
  await flushPromises()
  expect(list.sort).toBe('-name')
  expect(load).toHaveBeenLastCalledWith(expect.objectContaining({ sort: '-name' }), expect.anything())
})

test('leaving for another page asks for nothing more', async () => {
  const { load, router } = await shown()
  await router.push('/other?q=other')
  await flushPromises()
  expect(load).toHaveBeenCalledTimes(1)
})

test('the answer to an older question is dropped', async () => {
  const { list, load } = await shown()
  let late!: (page: (typeof pages)['']) => void
  load.mockImplementationOnce(() => new Promise((resolve) => (late = resolve)))
  const old = list.refresh()
  load.mockResolvedValueOnce({ items: ['new'], next_cursor: null, total: 1 })
  await list.refresh()
  late({ items: ['old'], next_cursor: null, total: 1 })
  await old
  expect(list.rows).toEqual(['new'])
})
