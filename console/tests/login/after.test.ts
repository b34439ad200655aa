import { expect, test } from 'vitest'
import { afterSignIn, wantedPage } from '@/areas/login/after'

test.each([
  '//evil.com',
  '/\\evil.com',
  'https://evil.com',
  'javascript:alert(1)',
  '@evil.com',
  '',
  undefined,
  ['/a'],
])('%j is no page of the console', (to) => {
  expect(wantedPage(to)).toBe('/')
})

test('somebody goes back to the page that was wanted', () => {
  expect(afterSignIn('/bookings?state=held', false)).toBe('/bookings?state=held')
})

test('nobody goes back to the login page', () => {
  expect(wantedPage('/login?to=%2Flogin')).toBe('/')
})

test('whoever must set up a second factor does that before', () => {
  expect(afterSignIn('/orders', true)).toEqual({ path: '/second-factor', query: { to: '/orders' } })
})
