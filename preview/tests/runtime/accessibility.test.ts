/** Keys, roles and focus: the program without a finger. */
import { beforeAll, beforeEach, expect, test } from 'vitest'
import { find, key, open, page, pressButton, settled, told, top, wx } from './opened'

const WXML = `
<view id="card" aria-role="button" bind:tap="tell">卡</view>
<view id="plain" bind:tap="tell">平</view>
<view id="choice" aria-role="checkbox" aria-checked="{{chosen}}" aria-label="{{label}}" bind:tap="tell">选</view>
<view id="off" aria-role="tab" aria-disabled="{{true}}" bind:tap="tell">关</view>
<view id="own" aria-role="checkbox" tabindex="{{undefined}}">自</view>
<view wx:if="{{open}}" id="sheet" aria-role="dialog" aria-modal="{{true}}"><view id="yes" aria-role="button">是</view><view id="no" aria-role="button">否</view></view>
<view id="names" aria-labelledby="plain" aria-controls="nothing">名</view>
<view id="hidden" aria-hidden="{{true}}">藏</view>
<button id="go" bind:tap="tell">去</button>
<label>姓名<input id="field" /></label>`

const SCRIPT = `Page({
  data: { open: false, chosen: false, label: '' },
  tell(event) { log.push(event.type + ' ' + event.currentTarget.id) },
})`

beforeAll(() =>
  open({
    'app.json': {
      pages: ['pages/home/home', 'pages/mine/mine'],
      tabBar: {
        list: [
          { pagePath: 'pages/home/home', text: '首页' },
          { pagePath: 'pages/mine/mine', text: '我的' },
        ],
      },
    },
    'app.ts': 'App({})',
    ...page('pages/home/home', WXML, SCRIPT, { navigationBarTitleText: '首页' }),
    ...page('pages/mine/mine'),
  }),
)

beforeEach(() => void told())

test('roles that can be acted on have a tab stop, and Enter or Space is a tap', () => {
  const card = find('[data-id=card]')
  expect(card.getAttribute('role')).toBe('button')
  expect(card.tabIndex).toBe(0)

  key(card, 'Enter')
  key(card, ' ')
  key(card, 'x')
  key(find('[data-id=go]'), 'Enter')

  expect(told()).toEqual(['tap card', 'tap card', 'tap go'])
})

test('a click that only a screen reader sends is a tap; that of a mouse is not a second one', () => {
  find('[data-id=card]').click()
  find('[data-id=card]').dispatchEvent(new MouseEvent('click', { bubbles: true, detail: 1 }))

  expect(told()).toEqual(['tap card'])
})

test('without a role there is neither tab stop nor key', () => {
  const plain = find('[data-id=plain]')
  key(plain, 'Enter')

  expect(plain.hasAttribute('tabindex')).toBe(false)
  expect(told()).toEqual([])
})

test('states are told as words, false is a state too', () => {
  const choice = find('[data-id=choice]')
  expect(choice.getAttribute('aria-checked')).toBe('false')
  expect(choice.hasAttribute('aria-label')).toBe(false)

  const setData = top().setData as (data: object) => void
  setData.call(top(), { chosen: true, label: '同意' })

  expect(choice.getAttribute('aria-checked')).toBe('true')
  expect(choice.getAttribute('aria-label')).toBe('同意')
  expect(find('[data-id=hidden]').getAttribute('aria-hidden')).toBe('true')
})

test('an element is named by another, and by nothing that is not there', () => {
  const names = find('[data-id=names]')

  expect(names.getAttribute('aria-labelledby')).toBe(find('[data-id=plain]').id)
  expect(names.hasAttribute('aria-controls')).toBe(false)
})

test('what is disabled cannot be reached', () => {
  const off = find('[data-id=off]')
  key(off, 'Enter')

  expect(off.hasAttribute('tabindex')).toBe(false)
  expect(off.getAttribute('aria-selected')).toBe('false')
  expect(told()).toEqual([])
})

test('the page is the main landmark under a heading, tabs are a navigation that knows where it is', () => {
  expect(document.querySelector('wx-page:not([hidden])')?.getAttribute('role')).toBe('main')
  expect(document.querySelector('h1')?.textContent).toBe('首页')
  expect(find('nav').getAttribute('aria-label')).toBe('主要页面')
  expect(find('[aria-current=page]').textContent).toBe('首页')
})

test('a field is named by the label around it', () => {
  expect(find('[data-id=field] input').getAttribute('aria-label')).toBe('姓名')
})

test('a dialog keeps the focus and gives it back', async () => {
  const card = find('[data-id=card]')
  card.focus()
  const asked = wx().showModal({ title: '走？' })
  await settled()
  const [cancel, confirm] = Array.from(document.querySelectorAll<HTMLElement>('.mp-modal button'))
  expect(find('[role=dialog]').getAttribute('aria-modal')).toBe('true')
  expect(find('.mp-pages').hasAttribute('inert')).toBe(true)

  confirm.focus()
  key(confirm, 'Tab')
  expect(document.activeElement).toBe(cancel)
  key(cancel, 'Tab', { shiftKey: true })
  expect(document.activeElement).toBe(confirm)

  await pressButton('确定')
  await asked
  expect(document.activeElement).toBe(card)
  expect(find('.mp-pages').hasAttribute('inert')).toBe(false)
})

test('a dialog of the program keeps the focus too', async () => {
  // jsdom lays nothing out: everything it has counts as seen
  Element.prototype.getClientRects = () => [{}] as unknown as DOMRectList
  const setData = top().setData as (data: object) => void
  const card = find('[data-id=card]')
  card.focus()

  setData.call(top(), { open: true })
  await settled()
  expect((document.activeElement as HTMLElement).dataset.id).toBe('sheet')
  key(find('[data-id=sheet]'), 'Tab', { shiftKey: true })
  expect((document.activeElement as HTMLElement).dataset.id).toBe('no')
  key(find('[data-id=no]'), 'Tab')
  expect((document.activeElement as HTMLElement).dataset.id).toBe('yes')

  setData.call(top(), { open: false })
  await settled()
  expect(document.activeElement).toBe(card)
})

test('the tab stop of a role stays when the program has none of its own', () => {
  expect(find('[data-id=own]').tabIndex).toBe(0)
})

test('a new page takes the focus, so that reading begins there', async () => {
  await wx().switchTab({ url: '/pages/mine/mine' })
  await settled()

  expect((document.activeElement as HTMLElement).dataset.route).toBe('pages/mine/mine')
})
