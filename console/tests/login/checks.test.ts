import { expect, test } from 'vitest'
import { checksOf, isMaking, leftOf, onSale } from '@/areas/login/checks'

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

test('only sessions that patients see count, and a place is on sale once one is released', () => {
  const cell = (state: 'draft' | 'published' | 'released' | 'closed' | 'suspended', free = 3) => ({
    state,
    free,
  })

  expect(onSale([cell('draft'), cell('closed'), cell('suspended')])).toEqual({
    sessions: 0,
    isBookable: false,
  })
  expect(onSale([cell('published'), cell('released', 0)])).toEqual({ sessions: 2, isBookable: false })
  expect(onSale([cell('released')])).toEqual({ sessions: 1, isBookable: true })
})

test('sessions follow by themselves when nothing else is missing', () => {
  const all = { campuses: 1, departments: 1, doctors: 1, fees: 1, rules: 1, templates: 1, sessions: 0 }

  expect(isMaking(checksOf(all))).toBe(true)
  expect(isMaking(checksOf({ ...all, fees: 0 }))).toBe(false)
  expect(isMaking(checksOf({ ...all, sessions: 1 }))).toBe(false)
})
