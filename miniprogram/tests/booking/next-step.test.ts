import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { Offline, Refusal } from '../../src/api/refusal'
import { knows, stepsOf, waysOn } from '../../src/packages/booking/parts/next-step'
import { refusalView } from '../../src/packages/booking/parts/refusal-view'

interface Document {
  paths: Record<string, Record<string, { responses: Record<string, { description: string }> }>>
}
const openapi = JSON.parse(
  readFileSync(new URL('../../../openapi.json', import.meta.url), 'utf8'),
) as Document

/** Every problem code that a route says it can answer. */
function codesOf(path: string): string[] {
  const answers = Object.values(openapi.paths[path].post.responses).map(({ description }) => description)
  return answers.flatMap((description) => [...description.matchAll(/`([a-z-]+)`/g)].map(([, code]) => code))
}

const deeds = [
  ['confirm', '/api/v1/appointments'],
  ['reschedule', '/api/v1/appointments/{appointment_id}/reschedule'],
  ['appointment', '/api/v1/appointments/{appointment_id}/cancel'],
  ['payment', '/api/v1/orders/{order_id}/payments'],
] as const
const cases = deeds.flatMap(([page, path]) => codesOf(path).map((code) => ({ page, code })))

describe('the next step after a refusal', () => {
  test('is asked for every code of every deed', () => {
    expect(cases.length).toBeGreaterThan(50)
  })

  test.each(cases)('$page knows what to do after $code', ({ page, code }) => {
    expect(knows(code)).toBe(true)
    expect(waysOn(code, stepsOf[page])).not.toHaveLength(0)
  })

  test('is to try again after a code that came later than this app', () => {
    expect(waysOn('not-invented-yet', stepsOf.confirm)).toEqual([{ step: 'retry', label: '再试一次' }])
  })

  test('offers only what the page can take', () => {
    expect(waysOn('slot-full', stepsOf.confirm).map(({ step }) => step)).toEqual(['slots', 'dates'])
    expect(waysOn('slot-full', stepsOf.reschedule).map(({ step }) => step)).toEqual(['slots'])
  })
})

describe('a refusal on the page', () => {
  test('shows the sentence of the server and names the appointment in the way', () => {
    const error = new Refusal('already-booked', '已经约了', 409, null, { appointment_id: 'a9' })

    const view = refusalView(error, stepsOf.confirm, '没有网络')

    expect(view).toMatchObject({ title: '已经约了', appointmentId: 'a9', waitS: 0, detail: '' })
  })

  test('says until when booking is blocked', () => {
    const error = new Refusal('booking-blocked', '暂停', 409, null, { until: '2026-12-01T00:00:00+08:00' })

    expect(refusalView(error, stepsOf.confirm, '').detail).toContain('12月1日 周二')
  })

  test('waits as long as the server asks', () => {
    const error = new Refusal('too-many-requests', '太频繁', 429, 7, {})

    expect(refusalView(error, stepsOf.confirm, '').waitS).toBe(7)
  })

  test('says what no answer means for this deed', () => {
    const view = refusalView(new Offline(), stepsOf.confirm, '不会重复预约')

    expect(view).toMatchObject({ code: 'offline', title: '不会重复预约', ways: [{ step: 'retry' }] })
  })
})
