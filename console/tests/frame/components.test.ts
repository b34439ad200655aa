import { flushPromises, mount } from '@vue/test-utils'
import { createPinia } from 'pinia'
import { expect, test, vi } from 'vitest'
import { Offline, Refusal } from '@/api/refusal'
import ConfirmDeed from '@/components/confirm-deed.vue'
import DataTable from '@/components/data-table.vue'
import DropMenu from '@/components/drop-menu.vue'
import FormField from '@/components/form-field.vue'
import MaskedValue from '@/components/masked-value.vue'
import ModalDialog from '@/components/modal-dialog.vue'
import SaveBar from '@/components/save-bar.vue'
import SavedFilters from '@/components/saved-filters.vue'
import StateView from '@/components/state-view.vue'
import { openDialogs } from '@/parts/open-dialogs'
import { texts } from '@/texts/app'

const refusal = (status: number, code = 'x') => new Refusal(code, 'the server’s sentence', status, null, {})

test('a state says what happened and offers what helps', async () => {
  const view = mount(StateView, { props: { loading: true }, slots: { default: 'content' } })
  expect(view.get('[role=status]').attributes('aria-label')).toBe(texts.loading)

  await view.setProps({ loading: false, problem: new Offline('x') })
  expect(view.get('[role=alert]').text()).toContain(texts.state.offlineTitle)
  await view.get('button').trigger('click')
  expect(view.emitted('retry')).toHaveLength(1)

  await view.setProps({ problem: refusal(403) })
  expect([view.text().includes(texts.state.forbiddenTitle), view.find('button').exists()]).toEqual([
    true,
    false,
  ])
  await view.setProps({ problem: refusal(503) })
  expect(view.text()).toContain('the server’s sentence')
  await view.setProps({ problem: null, empty: true, emptyTitle: 'nothing', emptyWhy: 'because' })
  expect(view.text()).toBe('nothingbecause')
  await view.setProps({ empty: false })
  expect(view.text()).toBe('content')
})

const rows = [
  { id: '1', name: 'a', fee: 1 },
  { id: '2', name: '', fee: 2 },
]
const table = (props: object = {}) =>
  mount(DataTable<(typeof rows)[number]>, {
    props: {
      caption: 'Things',
      columns: [
        { key: 'name', title: 'Name', sortable: true },
        { key: 'fee', title: 'Fee', text: (row: { fee: number }) => `¥${row.fee}` },
      ],
      rows,
      rowKey: (row: { id: string }) => row.id,
      ...props,
    },
    slots: { 'cell-fee': '<template #cell-fee="{ row }">fee {{ row.fee }}</template>' },
  })

test('a table shows its rows, a dash for nothing, and tells how it is sorted', async () => {
  const view = table({ sort: '-name' })
  expect(view.findAll('tbody td').map((cell) => cell.text())).toEqual(['a', 'fee 1', texts.none, 'fee 2'])
  expect(view.get('th').attributes('aria-sort')).toBe('descending')
  await view.get('.table-sort').trigger('click')
  expect(view.emitted('sort')).toEqual([['name']])
})

test('a row opens by a click anywhere, and by a button for the keyboard, once', async () => {
  const view = table({ opens: true })
  await view.findAll('tbody tr')[1].trigger('click')
  await view.get('tbody button').trigger('click')
  expect(view.emitted('open')).toEqual([[rows[1]], [rows[0]]])
  await table().get('tbody tr').trigger('click')
})

test('rows are chosen one by one or all of the page', async () => {
  const view = table({ selectable: true, selected: ['1'] })
  await view.findAll('tbody input')[1].trigger('change')
  expect(view.emitted('update:selected')?.at(-1)).toEqual([['1', '2']])
  await view.setProps({ selected: [] })
  await view.get('thead input').trigger('change')
  expect(view.emitted('update:selected')?.at(-1)).toEqual([['1', '2']])
  await view.setProps({ selected: ['1', '2'] })
  await view.get('thead input').trigger('change')
  expect(view.emitted('update:selected')?.at(-1)).toEqual([[]])
})

test('a masked value is fetched for a reason, and hidden again without one', async () => {
  const reveal = vi.fn((_reason: string) => Promise.resolve('13800001111'))
  const view = mount(MaskedValue, { props: { label: 'Phone', masked: '138****1111', reveal } })
  expect(view.get('.number').text()).toBe('138****1111')
  await view.get('button').trigger('click')
  expect(reveal).not.toHaveBeenCalled()
  await view.get('[role="group"] button').trigger('click')
  await flushPromises()
  expect(reveal.mock.calls).toEqual([[texts.masked.reasons[0]]])
  expect(view.get('.number').text()).toBe('13800001111')
  await view.get('button').trigger('click')
  expect([view.get('.number').text(), reveal.mock.calls.length]).toEqual(['138****1111', 1])
})

test('who may not see a value is not offered to', () => {
  const view = mount(MaskedValue, { props: { label: 'Phone', masked: '138****1111' } })
  expect(view.find('button').exists()).toBe(false)
})

test('the bar says what changed, and saves only when something did', async () => {
  const save = vi.fn(() => Promise.resolve(true))
  const editing = {
    isDirty: false,
    changes: [],
    save,
    reset: vi.fn(),
    isSaving: false,
    isSaved: false,
    problem: null,
  }
  const view = mount(SaveBar, { props: { editing } })
  expect(view.text()).toContain(texts.editing.unchanged)
  expect(view.findAll('button').every((button) => button.attributes('disabled') !== undefined)).toBe(true)
  const changes = [{ key: 'name', label: 'Name', from: 'a', to: 'b' }]
  await view.setProps({ editing: { ...editing, isDirty: true, changes } })
  expect(view.text()).toContain(`Name: ${texts.editing.was('a', 'b')}`)
  await view.findAll('button')[1].trigger('click')
  await flushPromises()
  expect([save.mock.calls.length, view.emitted('saved')?.length]).toEqual([1, 1])
  await view.setProps({ editing: { ...editing, problem: refusal(409) } })
  expect(view.get('.problem').text()).toBe('the server’s sentence')
})

test('filters are kept under a name, used, and removed', async () => {
  const filter = vi.fn()
  const list = { key: 'things', draft: { q: 'li' }, isFiltered: true, filter }
  const global = { plugins: [createPinia()] }
  const view = mount(SavedFilters, { props: { list }, global })
  await view.get('button').trigger('click')
  await view.get('input').setValue('mine')
  await view.findAll('button').at(-1)!.trigger('click')
  expect(view.get('.chip').text()).toContain('mine')

  const again = mount(SavedFilters, { props: { list: { ...list, isFiltered: false } }, global })
  await again.get('.chip button').trigger('click')
  expect(filter).toHaveBeenCalledWith({ q: 'li' })
  await again.findAll('.chip button')[1].trigger('click')
  expect(again.find('.chip').exists()).toBe(false)
  expect(localStorage.getItem('guahao.filters..things')).toBe('[]')
})

test('a menu opens below its button and closes by Esc and by a click elsewhere', async () => {
  const slots = { opener: 'Me', default: '<a href="#">Devices</a>' }
  const view = mount(DropMenu, { props: { label: 'Account' }, slots, attachTo: document.body })
  const opener = view.get('button')
  await opener.trigger('click')
  await flushPromises()
  expect([opener.attributes('aria-expanded'), document.activeElement?.textContent]).toEqual([
    'true',
    'Devices',
  ])
  await view.get('.drop-panel').trigger('keydown', { key: 'Escape' })
  expect([view.find('.drop-panel').exists(), document.activeElement]).toEqual([false, opener.element])
  await opener.trigger('click')
  document.body.dispatchEvent(new Event('pointerdown', { bubbles: true }))
  await flushPromises()
  expect(view.find('.drop-panel').exists()).toBe(false)
  view.unmount()
})

test('a dialog closes by Esc and by its cross, a fixed one by neither', async () => {
  const view = mount(ModalDialog, {
    props: { visible: true, title: 'Sure?' },
    slots: { default: '<p>text</p>' },
  })
  const dialog = view.get('dialog')
  expect([dialog.element.open, view.get(`#${dialog.attributes('aria-labelledby')}`).text()]).toEqual([
    true,
    'Sure?',
  ])
  await dialog.trigger('cancel')
  expect([view.emitted('update:visible'), openDialogs.value]).toEqual([[[false]], []])
  await view.setProps({ visible: false })
  await view.setProps({ visible: true })
  await view.get('.dialog-close').trigger('click')
  expect(view.emitted('update:visible')).toHaveLength(2)
  expect([dialog.element.open, openDialogs.value]).toEqual([false, []])

  const fixed = mount(ModalDialog, { props: { visible: true, title: 'Again', fixed: true } })
  await fixed.get('dialog').trigger('cancel')
  fixed.get('dialog').element.close()
  await fixed.get('dialog').trigger('close')
  expect([fixed.emitted('update:visible'), fixed.get('dialog').element.open]).toEqual([undefined, true])
  expect(fixed.find('.dialog-close').exists()).toBe(false)
  fixed.unmount()
  expect(openDialogs.value).toEqual([])
})

test('a deed is asked once, in its verb, and not while something is missing', async () => {
  const task = { isRunning: false, isSlow: false, problem: null as unknown, clear: vi.fn() }
  const props = { visible: true, title: 'Cancel it?', verb: 'Cancel it', task, disabled: true }
  const view = mount(ConfirmDeed, { props })
  await view.get('form').trigger('submit')
  expect(view.emitted('confirm')).toBeUndefined()
  await view.setProps({ disabled: false })
  await view.get('form').trigger('submit')
  expect(view.emitted('confirm')).toHaveLength(1)
  await view.setProps({ task: { ...task, problem: refusal(409) } })
  expect(view.get('[role=alert]').text()).toBe('the server’s sentence')
  expect(task.clear).not.toHaveBeenCalled()
  await view.get('form').trigger('input') // what was refused is no longer what stands there
  expect(task.clear).toHaveBeenCalledOnce()
  await view.findAll('button')[0].trigger('click')
  expect(view.emitted('update:visible')).toEqual([[false]])
})

test('a field is called by its label alone; what is wrong stands in place of the help', async () => {
  const props = { label: 'Name', help: 'as on the card' }
  const view = mount(FormField, { props, slots: { default: '<input />' } })
  expect([view.get('label').text(), view.text()]).toEqual(['Name', 'Nameas on the card'])
  await view.setProps({ error: 'too long' })
  expect([view.get('[role=alert]').text(), view.text().includes('card')]).toEqual(['too long', false])
})
