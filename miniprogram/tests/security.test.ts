// What happened to an account, in words.
import { expect, test } from 'vitest'
import { newCount, rowOf } from '../src/parts/security'

const event = {
  id: 'e1',
  kind: 'new_device' as const,
  at: '2026-11-30T01:05:00Z',
  address: '203.0.113.7' as string | null,
  device: 'iPhone MicroMessenger' as string | null,
  patient_name: null as string | null,
  seen_at: null as string | null,
}

test('a login on a new device says from where, and is new until it was seen', () => {
  const row = rowOf(event)
  expect(row.what).toBe('在新设备上登录')
  expect(row.from).toBe('iPhone · 微信，网络地址 203.0.113.7')
  expect(row.when).toContain('09:05')
  expect(row.isNew).toBe(true)
  expect(rowOf({ ...event, seen_at: event.at }).isNew).toBe(false)
})

test('a released patient is named as masked, and no place is told', () => {
  const row = rowOf({ ...event, kind: 'patient_released', patient_name: '张*', address: null, device: null })
  expect(row.what).toBe('就诊人张*已被本人或医院从您的账号移除')
  expect(row.from).toBe('')
})

test('a patient whose name a proof overruled has no name here', () => {
  const row = rowOf({ ...event, kind: 'patient_overruled', address: null, device: null })
  expect(row.what).toBe('一位就诊人的姓名与证件不符，已从您的账号移除，请核对证件后重新添加')
})

test('what was not seen is counted', () => {
  expect(newCount([event, { ...event, seen_at: event.at }])).toBe(1)
})
