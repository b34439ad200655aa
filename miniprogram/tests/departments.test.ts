import { expect, test } from 'vitest'
import { type Department, groupsOf, limitsOf, matching } from '../src/parts/departments'

function department(name: string, more: Partial<Department> = {}): Department {
  return {
    id: name,
    name,
    campus_id: null,
    place: `${name}楼`,
    intro: '',
    sex_limit: null,
    min_age_years: 0,
    max_age_years: 200,
    has_doctors: false,
    children: [],
    ...more,
  }
}

const groups = groupsOf([
  department('内科', {
    children: [department('呼吸内科'), department('心内科', { children: [department('心律失常门诊')] })],
  }),
  department('儿科', { max_age_years: 14 }),
])

test('a department without others below it stands beside itself', () => {
  expect(groups.map(({ name, leaves }) => [name, leaves.map((leaf) => leaf.name)])).toEqual([
    ['内科', ['呼吸内科', '心律失常门诊']],
    ['儿科', ['儿科']],
  ])
})

test('a department with doctors of its own stands before those below it', () => {
  const [{ leaves }] = groupsOf([
    department('内科', { has_doctors: true, children: [department('呼吸内科', { has_doctors: true })] }),
  ])

  expect(leaves.map(({ name }) => name)).toEqual(['内科', '呼吸内科'])
})

test('a limit is said before the place', () => {
  expect(groups[1].leaves[0].note).toBe('只接诊 14 岁及以下的就诊人')
  expect(groups[0].leaves[0].note).toBe('呼吸内科楼')
})

test.each<[Partial<Department>, string]>([
  [{}, ''],
  [{ sex_limit: 'female' }, '只接诊女性，预约时会核对'],
  [{ min_age_years: 60 }, '只接诊 60 岁及以上的就诊人，预约时会核对'],
  [{ min_age_years: 7, max_age_years: 17 }, '只接诊 7 到 17 岁的就诊人，预约时会核对'],
  [{ sex_limit: 'male', min_age_years: 18 }, '只接诊男性，只接诊 18 岁及以上的就诊人，预约时会核对'],
])('whom it sees is said: %o', (more, words) => {
  expect(limitsOf(department('科', more))).toBe(words)
})

test('search within finds a part of the name, or a name in a sentence', () => {
  expect(matching(groups, ' 呼吸 ').map(({ name }) => name)).toEqual(['呼吸内科'])
  expect(matching(groups, '我要挂儿科').map(({ name }) => name)).toEqual(['儿科'])
  expect(matching(groups, '骨科')).toEqual([])
  expect(matching(groups, ' ')).toEqual([])
})
