import { flushPromises, mount } from '@vue/test-utils'
import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import BookPanel from '@/areas/desk/book-panel.vue'
import Desk from '@/areas/desk/desk.vue'
import PersonPanel from '@/areas/desk/person-panel.vue'
import SlotPanel from '@/areas/desk/slot-panel.vue'
import { today } from '@/parts/format'
import { json, problem, serve } from '../frame/server'

vi.mock('vue-router', () => ({ useRoute: () => ({ query: {} }) }))
beforeEach(() => setActivePinia(createPinia()))
afterEach(() => vi.unstubAllGlobals())

const place = (id: string) => ({
  session: {
    department: { name: '内科' },
    doctor: { name: '张医生' },
    campus: '本院',
    room: '3',
    fee_fen: 500,
  },
  slot: { id, starts_at: '2026-12-01T00:00:00Z', free: 3, desk: 0, elderly: 0, referral: 0 },
  elderlyAge: 65,
})

test('while a booking is not answered its person and its place stay', async () => {
  let answer: (made: Response) => void = () => undefined
  serve(({ method }) =>
    method === 'POST'
      ? new Promise<Response>((resolve) => (answer = resolve))
      : json({ date: today(), elderly_age_years: 65, sessions: [] }),
  )
  const desk = mount(Desk, { global: { stubs: { routerLink: true } } })
  desk
    .getComponent(PersonPanel)
    .vm.$emit('found', { person_id: '1', patient_id: 'p1', age_years: 36, sex: 'male' })
  const pick = async (id: string) => {
    desk.getComponent(SlotPanel).vm.$emit('pick', place(id))
    await flushPromises()
    return desk.getComponent(BookPanel).props('picked').slot.id
  }
  expect(await pick('a')).toBe('a')
  await desk.getComponent(BookPanel).get('form').trigger('submit')
  expect(await pick('b')).toBe('a')
  await desk.get('.desk-next').trigger('click')
  expect(desk.findComponent(BookPanel).exists()).toBe(true)

  answer(problem('slot-full', 409))
  await flushPromises()
  expect(await pick('b')).toBe('b')
  await desk.get('.desk-next').trigger('click')
  expect(desk.findComponent(BookPanel).exists()).toBe(false)
})
