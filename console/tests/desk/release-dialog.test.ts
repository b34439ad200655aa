import { flushPromises, mount } from '@vue/test-utils'
import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import PersonPanel from '@/areas/desk/person-panel.vue'
import ReleaseDialog from '@/areas/desk/release-dialog.vue'
import type { Person } from '@/areas/desk/made'
import { said } from '@/parts/say'
import { texts } from '@/texts/desk'
import { json, problem, serve, type Asked } from '../frame/server'

beforeEach(() => setActivePinia(createPinia()))
afterEach(() => vi.unstubAllGlobals())

const listings = [
  { id: 'l1', relation: 'self', phone: '138****8000', created_at: '2026-11-01T09:00:00+08:00' },
  { id: 'l2', relation: 'other', phone: null, created_at: '2026-11-02T09:00:00+08:00' },
]
const words = texts.release

/** The dialog with the accounts in it; `answer` is what the deed gets. */
async function opened(
  items: object[] = listings,
  answer: (asked: Asked) => Response = () => json({ released: 1 }),
) {
  const asked = serve((one) => (one.method === 'GET' ? json({ items }) : answer(one)))
  const dialog = mount(ReleaseDialog, { props: { patientId: 'p1' } })
  await flushPromises()
  return { dialog, sent: () => asked.filter(({ method }) => method === 'POST') }
}
const press = (dialog: Awaited<ReturnType<typeof opened>>['dialog']) => dialog.get('form').trigger('submit')

test('the accounts are told by masked phone and relation', async () => {
  const { dialog } = await opened()
  expect(dialog.findAll('.choice').map((one) => one.find('span').text())).toEqual([
    words.account('138****8000', words.relations.self),
    words.account(words.noPhone, words.relations.other),
  ])
})

test('the chosen accounts alone are released, with the reason', async () => {
  const { dialog, sent } = await opened()
  await dialog.findAll('[type=checkbox]')[1].setValue(true)
  await dialog.get('.input').setValue(' 本人持证件要求移除 ')
  await press(dialog)
  await flushPromises()
  expect(sent().map(({ url, body }) => [url, body])).toEqual([
    ['/api/v1/staff/patients/p1/releases', { listing_ids: ['l2'], reason: '本人持证件要求移除' }],
  ])
  expect(dialog.emitted('close')).toHaveLength(1)
  expect(said.value.at(-1)?.text).toBe(words.done(1))
})

test('without an account or without a reason nothing is released', async () => {
  const { dialog, sent } = await opened()
  await dialog.get('.input').setValue('本人持证件要求移除')
  await press(dialog)
  await dialog.get('[type=checkbox]').setValue(true)
  await dialog.get('.input').setValue('冒名')
  await press(dialog)
  expect(sent()).toEqual([])
})

test('a refusal is told and the dialog stays', async () => {
  const { dialog } = await opened(listings, () => problem('not-found', 404))
  await dialog.get('[type=checkbox]').setValue(true)
  await dialog.get('.input').setValue('本人持证件要求移除')
  await press(dialog)
  await flushPromises()
  expect(dialog.get('[role=alert]').text()).toBe('title of not-found')
  expect(dialog.emitted('close')).toBeUndefined()
})

test('where no account lists the person it is said', async () => {
  const { dialog } = await opened([])
  expect(dialog.text()).toContain(words.none)
})

test('who is not enrolled here cannot be released here', () => {
  const person = {
    name: '张*',
    sex: 'male',
    age_years: 36,
    document_type: 'passport',
    document_number: 'E****1',
  }
  const offered = (patient_id: string | null) =>
    mount(PersonPanel, { props: { person: { ...person, patient_id } as Person } })
      .text()
      .includes(words.open)
  expect([offered(null), offered('p1')]).toEqual([false, true])
})
