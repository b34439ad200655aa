import { expect, test } from 'vitest'
import { groupsOf, type Hit } from '../src/packages/catalog/parts/found'

function hit(kind: Hit['kind'], id: string, name: string, hint: string): Hit {
  return { kind, id, name, hint, hospital_id: '1', hospital_name: '示范医院' }
}

test('results are grouped by kind in the order of the best hit', () => {
  const groups = groupsOf([
    hit('disease', 'd1', '腹痛', '消化内科'),
    hit('doctor', 'p1', '林清晏', '主任医师 消化内科'),
    hit('disease', 'd2', '腹痛', '普通外科'),
  ])

  expect(groups.map(({ title, items }) => [title, items.map((item) => item.title)])).toEqual([
    ['按病症找科室', ['消化内科', '普通外科']],
    ['医生', ['林清晏']],
  ])
})

test('a disease says why it leads to a department, and leads there', () => {
  const [{ items }] = groupsOf([hit('disease', 'd1', '腹痛', '消化内科')])

  expect(items[0].note).toBe('可看“腹痛” · 示范医院')
  expect(items[0].url).toBe('/packages/catalog/department/department?id=d1&hospital=1')
})

test.each([
  ['doctor', '/packages/catalog/doctor/doctor?id=x', '说明 · 示范医院'],
  ['hospital', '/packages/catalog/hospital/hospital?id=x', '说明'],
  ['department', '/packages/catalog/department/department?id=x&hospital=1', '说明 · 示范医院'],
] as const)('a %s leads to its page', (kind, url, note) => {
  expect(groupsOf([hit(kind, 'x', '名', '说明')])[0].items[0]).toMatchObject({ url, note, title: '名' })
})

test('what two pages both tell of is shown once', () => {
  const twice = [hit('doctor', 'p1', '林清晏', ''), hit('doctor', 'p1', '林清晏', '')]

  expect(groupsOf(twice)[0].items).toHaveLength(1)
})
