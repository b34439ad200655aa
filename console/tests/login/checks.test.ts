import { expect, test } from 'vitest'
import { checksOf, leftOf } from '@/areas/login/checks'

const nothing = { campuses: 0, departments: 0, doctors: 0, fees: 0, rules: 1, templates: 0, sessions: 0 }

test('a new hospital has its rules and lacks all else', () => {
  const checks = checksOf(nothing)

  expect(checks.filter(({ isDone }) => isDone).map(({ name }) => name)).toEqual(['rules'])
  expect(leftOf(checks)).toBe(6)
})

test('nothing is left when everything is there once', () => {
  const all = { campuses: 1, departments: 9, doctors: 40, fees: 5, rules: 3, templates: 80, sessions: 2 }

  expect(leftOf(checksOf(all))).toBe(0)
})

test('what is missing leads to the page where it is done', () => {
  expect(Object.fromEntries(checksOf(nothing).map(({ name, path }) => [name, path]))).toEqual({
    campuses: '/hospital',
    departments: '/departments',
    doctors: '/doctors',
    fees: '/fees',
    rules: '/rules',
    templates: '/templates',
    sessions: '/schedule',
  })
})
