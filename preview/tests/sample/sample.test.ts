/** The sample, built and opened: a program that the preview was not made for. */
import fs from 'node:fs'
import path from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { find, open, pressButton, stack, tap } from '../runtime/opened'

const SOURCE = path.join(import.meta.dirname, 'src')

function sources(): Record<string, string> {
  const files = fs
    .readdirSync(SOURCE, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
  const names = files.map((entry) => path.join(entry.parentPath, entry.name))
  return Object.fromEntries(names.map((name) => [path.relative(SOURCE, name), fs.readFileSync(name, 'utf8')]))
}

const text = (selector: string) => find(selector).textContent.replace(/\s+/g, ' ').trim()
const rows = () => Array.from(find('wx-card').querySelectorAll('item-row'), (row) => row.textContent.trim())

beforeAll(() => open(sources()))

test('the list is shown: component, slots, template, include and WXS', () => {
  expect(stack()).toEqual(['pages/list/list'])
  expect(rows()).toEqual(['牛奶× 2¥13.00', '面包× 1¥12.80', '鸡蛋× 12¥13.20'])
  expect(text('wx-card')).toContain('待买 ¥25.80')
  expect(text('.foot')).toBe('没有更多了')
  expect(find('wx-card wx-image img').getAttribute('src')).toMatch(/^\.\/assets\/basket-[A-F0-9]{8}\.svg$/)
})

test('a tap reaches the page through a component, and a behavior adds up anew', async () => {
  await tap('item-row .row')

  expect(text('wx-card')).toContain('待买 ¥12.80')
})

test('a page of a sub-package is loaded when it is opened, and what it changes is seen on return', async () => {
  await tap('.line:nth-of-type(3) .edit')
  expect(stack()).toEqual(['pages/list/list', 'packages/item/edit/edit'])
  expect(text('wx-card')).toContain('面包')

  await tap('[aria-label="多一个"]')
  expect(text('wx-stepper [class$="--value"]')).toBe('2')

  await pressButton('返回')
  expect(rows()[1]).toBe('面包× 2¥25.60')
})
