import { flushPromises, mount } from '@vue/test-utils'
import { createPinia, setActivePinia } from 'pinia'
import { afterEach, expect, test, vi } from 'vitest'
import PaymentSettings from '@/areas/money/payment-settings.vue'
import SaveBar from '@/components/save-bar.vue'
import { useStaff } from '@/parts/staff'
import { texts as frame } from '@/texts/app'
import { texts } from '@/texts/money'
import { json, me, serve } from '../frame/server'

afterEach(() => vi.unstubAllGlobals())

const settings = {
  waits: null,
  version: 3,
  is_alipay_offered: true,
  second_person_over_fen: 20000,
  watches: [],
}
const waits = { id: 'r1', expires_at: '2026-11-29T10:00:00+08:00' }

/** What is said after the limit was changed and the server answered so. */
async function saidAfter(answer: object): Promise<string> {
  setActivePinia(createPinia())
  serve(({ method, url }) => {
    if (url.endsWith('/me')) return json(me({ permissions: ['edit_payment_settings'] }))
    return json(method === 'PUT' ? answer : settings)
  })
  await useStaff().recall()
  const page = mount(PaymentSettings, { global: { stubs: ['router-link'] } })
  await flushPromises()
  await page.get('[inputmode=decimal]').setValue('500.00')
  const bar = page.getComponent(SaveBar)
  await bar.findAll('button').at(-1)!.trigger('click')
  await flushPromises()
  return bar.get('[role=status]').text()
}

test('a looser limit waits for another administrator and is not called saved', async () => {
  expect(await saidAfter({ ...settings, waits })).toBe(texts.settings.waiting)
})

test('a stricter limit is saved', async () => {
  expect(await saidAfter({ ...settings, version: 4, second_person_over_fen: 50000 })).toBe(
    frame.editing.saved,
  )
})
