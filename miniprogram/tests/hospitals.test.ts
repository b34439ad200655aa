import { expect, test } from 'vitest'
import { distanceText, kindText } from '../src/parts/hospitals'

test.each([
  [null, ''],
  [20, '100 米'],
  [449, '400 米'],
  [949, '900 米'],
  [950, '1.0 公里'],
  [2140, '2.1 公里'],
  [12_345, '12 公里'],
])('%s metres read as %s', (metres, words) => {
  expect(distanceText(metres)).toBe(words)
})

test('a hospital is told by level and kind', () => {
  expect(kindText({ level: '三级甲等', kind: 'general' })).toBe('三级甲等 · 综合医院')
  expect(kindText({ level: '', kind: 'community' })).toBe('社区卫生服务中心')
})
