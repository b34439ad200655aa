import { flushPromises, mount } from '@vue/test-utils'
import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import PersonPanel from '@/areas/desk/person-panel.vue'
import { json, serve } from '../frame/server'

beforeEach(() => setActivePinia(createPinia()))
afterEach(() => vi.unstubAllGlobals())

test('who is found by a number that was typed over meanwhile is not taken', async () => {
  let answer: (found: Response) => void = () => undefined
  serve(() => new Promise<Response>((resolve) => (answer = resolve)))
  const panel = mount(PersonPanel, { props: { person: null } })
  const found = json({ items: [{ person_id: 'first', patient_id: 'p1', name: '甲' }] })
  await panel.get('input').setValue('13800138000')
  await panel.get('form').trigger('submit')
  await panel.get('input').setValue('13800138001')
  answer(found.clone())
  await flushPromises()
  expect(panel.emitted('found')).toBeUndefined()

  await panel.get('form').trigger('submit')
  answer(found)
  await flushPromises()
  expect(panel.emitted('found')).toHaveLength(1)
})
