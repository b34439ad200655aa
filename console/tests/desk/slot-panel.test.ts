import { flushPromises, mount } from '@vue/test-utils'
import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import SlotPanel from '@/areas/desk/slot-panel.vue'
import { today } from '@/parts/format'
import { json, problem, serve } from '../frame/server'

Element.prototype.scrollIntoView = () => {} // a page without layout scrolls nowhere
beforeEach(() => setActivePinia(createPinia()))
afterEach(() => vi.unstubAllGlobals())

function dayWith(date: string, id: string): Response {
  const slot = {
    id,
    starts_at: '2026-12-01T00:00:00Z',
    free: 3,
    desk: 0,
    elderly: 0,
    referral: 0,
    reason: null,
  }
  const session = {
    id: `session of ${id}`,
    department: { name: '内科' },
    doctor: { name: '张医生' },
    campus: '本院',
    room: '3',
    fee_fen: 500,
    slots: [slot],
  }
  return json({ date, elderly_age_years: 65, sessions: [session] })
}

test('while another day is asked for, and where that fails, nothing of the day before can be picked', async () => {
  const answers: ((answer: Response) => void)[] = []
  serve(() => new Promise<Response>((resolve) => answers.push(resolve)))
  const panel = mount(SlotPanel, { props: { age: 36, pickedId: null } })
  const enter = async () => {
    await flushPromises()
    await panel.get('form').trigger('keydown', { key: 'Enter' })
    return (panel.emitted('pick') ?? []).map(([one]) => (one as { slot: { id: string } }).slot.id)
  }
  answers[0]!(dayWith(today(), 'today'))
  expect(await enter()).toEqual(['today'])

  await panel.get('form').trigger('keydown', { key: 'PageDown' })
  expect(await enter()).toEqual(['today'])
  expect(panel.findAll('.desk-slot')).toEqual([])
  answers[1]!(problem('internal', 503))
  expect(await enter()).toEqual(['today'])

  await panel.get('form').trigger('keydown', { key: 'PageUp' })
  await flushPromises()
  answers[2]!(dayWith(today(), 'today again'))
  expect(await enter()).toEqual(['today', 'today again'])
})
