// Where departments go when they are moved.
import { describe, expect, it } from 'vitest'
import { newDepartment, type Department } from '@/areas/hospital/rows'
import { placeText } from '@/areas/hospital/moving'
import { dropAt, dropOf, linesOf, matching, stepOf } from '@/areas/hospital/tree'

const department = (name: string, parent_code: string | null = null, is_active = true): Department => ({
  ...newDepartment,
  id: `id-${name}`,
  code: name,
  name,
  parent_code,
  is_active,
})
const rows = [
  department('内科'),
  department('呼吸', '内科'),
  department('消化', '内科'),
  department('胃镜', '消化', false),
  department('外科'),
  department('儿科'),
]
const named = (name: string) => rows.find((row) => row.name === name)!

describe('linesOf', () => {
  it('goes from top to bottom and leaves out what is below closed departments', () => {
    expect(linesOf(rows, new Set()).map(({ row, level }) => `${level}${row.name}`)).toEqual([
      '1内科',
      '2呼吸',
      '2消化',
      '3胃镜',
      '1外科',
      '1儿科',
    ])
    expect(linesOf(rows, new Set(['id-内科'])).map(({ row }) => row.name)).toEqual(['内科', '外科', '儿科'])
  })
  it('counts brothers for those who hear the tree', () => {
    const [, , third] = linesOf(rows, new Set())
    expect(third).toMatchObject({ place: 2, of: 2, hasChildren: true, isOpen: true })
  })
})

describe('stepOf', () => {
  it.each([
    ['外科', 'up', { parent_id: null, before_id: 'id-内科' }],
    ['内科', 'down', { parent_id: null, before_id: 'id-儿科' }],
    ['外科', 'down', { parent_id: null, before_id: null }],
    ['外科', 'in', { parent_id: 'id-内科', before_id: null }],
    ['胃镜', 'out', { parent_id: 'id-内科', before_id: null }],
    ['呼吸', 'out', { parent_id: null, before_id: 'id-外科' }],
  ] as const)('%s goes %s', (name, direction, move) => {
    expect(stepOf(rows, named(name), direction)).toEqual(move)
  })
  it.each([
    ['内科', 'up'],
    ['儿科', 'down'],
    ['呼吸', 'in'],
    ['内科', 'out'],
  ] as const)('%s cannot go %s', (name, direction) => {
    expect(stepOf(rows, named(name), direction)).toBeNull()
  })
})

describe('dropOf', () => {
  it('reads by height whether before, inside or after is meant', () => {
    expect([0.1, 0.5, 0.9].map(dropAt)).toEqual(['before', 'inside', 'after'])
  })
  it('puts before, inside and after what it is dropped on', () => {
    const [dragged, target] = [named('儿科'), named('呼吸')]
    expect(dropOf(rows, dragged, target, 'before')).toEqual({ parent_id: 'id-内科', before_id: 'id-呼吸' })
    expect(dropOf(rows, dragged, target, 'inside')).toEqual({ parent_id: 'id-呼吸', before_id: null })
    expect(dropOf(rows, dragged, target, 'after')).toEqual({ parent_id: 'id-内科', before_id: 'id-消化' })
  })
  it('never names the dragged one as its own neighbour', () => {
    expect(dropOf(rows, named('消化'), named('呼吸'), 'after')).toEqual({
      parent_id: 'id-内科',
      before_id: null,
    })
  })
  it('refuses to put a department into what is below it', () => {
    expect(dropOf(rows, named('内科'), named('胃镜'), 'inside')).toBeNull()
    expect(dropOf(rows, named('内科'), named('内科'), 'after')).toBeNull()
  })
})

describe('matching', () => {
  it('keeps what is above a match', () => {
    expect(matching(rows, ' 胃 ', false).map(({ name }) => name)).toEqual(['内科', '消化', '胃镜'])
  })
  it('can leave out what is switched off', () => {
    expect(matching(rows, '', true).map(({ name }) => name)).not.toContain('胃镜')
  })
})

describe('placeText', () => {
  it('says where a department is now', () => {
    expect(placeText(rows, 'id-消化')).toBe('消化已移到“内科”下，第 2 个，共 2 个。')
    expect(placeText(rows, 'id-儿科')).toBe('儿科已移到最上级，第 3 个，共 3 个。')
  })
})
