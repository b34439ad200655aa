import { flushPromises, mount } from '@vue/test-utils'
import { afterEach, expect, test, vi } from 'vitest'
import BookPanel from '@/areas/desk/book-panel.vue'
import { texts } from '@/texts/desk'
import { problem, serve } from '../frame/server'

afterEach(() => vi.unstubAllGlobals())

const slot = { id: 's1', starts_at: '2026-12-01T15:30:00Z', ends_at: '2026-12-01T16:00:00Z', free: 3 }
const session = {
  department: { name: '内科' },
  doctor: { name: '张医生' },
  campus: '本院',
  room: '3',
  fee_fen: 500,
}
const props = {
  person: { patient_id: 'p1', age_years: 36 },
  picked: { session, slot, elderlyAge: 65 },
  mode: 'desk',
} as unknown as InstanceType<typeof BookPanel>['$props']

test.each([
  ['already-booked', false],
  ['time-conflict', true],
])(
  'after %s the clerk finds the appointment in the way; a reason is asked where it helps: %s',
  async (code, asks) => {
    serve(() => problem(code, 409, { appointment_id: 'a1' }))
    const panel = mount(BookPanel, { props })
    await panel.get('form').trigger('submit')
    await flushPromises()
    expect(panel.get('[role=alert]').text()).toContain(`title of ${code}`)
    expect(panel.get('[role=alert] a').attributes('href')).toBe('/console/bookings/a1')
    expect(panel.text().includes(texts.overrule)).toBe(asks)
  },
)

test('where only kept places are left the clerk chooses one before anything is sent', async () => {
  const sent: unknown[] = []
  serve((request) => {
    sent.push(request)
    return problem('already-booked', 409)
  })
  const kept = { ...slot, free: 0, desk: 0, elderly: 0, referral: 1 }
  const panel = mount(BookPanel, {
    props: { ...props, picked: { ...props.picked, slot: kept } } as typeof props,
  })
  await panel.get('form').trigger('submit')
  await flushPromises()
  expect(sent).toEqual([])
  expect(panel.get('[role=alert]').text()).toBe(texts.poolMissing)
  await panel.get('select').setValue('referral')
  await panel.get('form').trigger('submit')
  await flushPromises()
  expect(sent).toHaveLength(1)
})
