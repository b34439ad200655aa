/** The page stack, its refusals in WeChat's words, and the browser's address. */
import { beforeAll, expect, test } from 'vitest'
import { find, open, page, pressButton, refusal, settled, stack, top, wx } from './opened'

const OPENED = `Page({
  onLoad() {
    const channel = this.getOpenerEventChannel()
    channel.on('greeting', (word) => this.setData({ word }))
    channel.emit('arrived', 'here')
  },
})`

beforeAll(() =>
  open(
    {
      'app.json': {
        pages: ['pages/home/home', 'pages/mine/mine', 'pages/item/item', 'pages/bare/bare'],
        window: { navigationBarTitleText: '店' },
        tabBar: {
          list: [
            { pagePath: 'pages/home/home', text: '首页' },
            { pagePath: 'pages/mine/mine', text: '我的' },
          ],
        },
      },
      'app.ts': 'App({ globalData: { shop: 1 } })',
      ...page('pages/home/home'),
      ...page('pages/mine/mine'),
      ...page('pages/item/item', '<view id="word">{{word}}</view>', OPENED, { navigationBarTitleText: '货' }),
      ...page('pages/bare/bare', '<view />', 'Page({})', { navigationStyle: 'custom' }),
    },
    { hash: '#/pages/item/item?id=7', search: '?scene=shop%3D3' },
  ),
)

const back = async () => {
  history.back()
  await settled()
}
const forward = async () => {
  history.forward()
  await settled()
}

test('a deep link opens its page with the scene of the scanned code', () => {
  const launch = (wx().getLaunchOptionsSync as unknown as () => object)()

  expect(stack()).toEqual(['pages/item/item'])
  expect(top().options).toEqual({ id: '7', scene: 'shop%3D3' })
  expect(launch).toMatchObject({
    path: 'pages/item/item',
    query: { id: '7', scene: 'shop%3D3' },
    scene: 1047,
  })
  expect(getApp().globalData).toEqual({ shop: 1 })
})

test('a page that was opened directly has a way home', async () => {
  await pressButton('返回首页')

  expect(stack()).toEqual(['pages/home/home'])
  expect(location.hash).toBe('#/pages/home/home')
  expect(document.title).toBe('店')
})

test('two pages talk over the channel between them', async () => {
  const heard: unknown[] = []
  const opened = await wx().navigateTo({
    url: '/pages/item/item?id=1',
    events: { arrived: (word: string) => heard.push(word) },
  })
  ;(opened.eventChannel as { emit(name: string, word: string): void }).emit('greeting', 'hello')
  await settled()

  expect(heard).toEqual(['here'])
  expect(find('[data-id=word]').textContent).toBe('hello')
  expect(opened.errMsg).toBe('navigateTo:ok')
})

test('back and forward of the browser close and open pages', async () => {
  await back()
  expect(stack()).toEqual(['pages/home/home'])

  await forward()
  expect(stack()).toEqual(['pages/home/home', 'pages/item/item'])
  expect(top().options).toEqual({ id: '1' })

  await wx().navigateTo({ url: '/pages/item/item?id=2' })
  await wx().navigateTo({ url: '/pages/item/item?id=3' })
  await settled()
  history.go(-2)
  await settled()
  expect(stack()).toHaveLength(2)
  expect(location.hash).toBe('#/pages/item/item?id=1')

  history.go(2)
  await settled()
  expect(top().options).toEqual({ id: '3' })

  await back()
  expect(top().options).toEqual({ id: '2' })
})

test('the back button of the bar goes back in the address too', async () => {
  await wx().reLaunch({ url: '/pages/home/home' })
  await wx().navigateTo({ url: '/pages/item/item?id=4' })
  await wx().navigateTo({ url: '/pages/item/item?id=5' })
  await settled()

  await pressButton('返回')

  expect(location.hash).toBe('#/pages/item/item?id=4')
  await wx().navigateBack({ delta: 9 })
  await settled()
  expect(location.hash).toBe('#/pages/home/home')
  expect(stack()).toEqual(['pages/home/home'])
})

test('an address that is typed opens its page', async () => {
  location.hash = '#/pages/item/item?id=6'
  await settled()

  expect(stack()).toEqual(['pages/home/home', 'pages/item/item'])
  await back()
  expect(stack()).toEqual(['pages/home/home'])
})

test('switchTab from deep inside leaves one page and its address', async () => {
  await wx().navigateTo({ url: '/pages/item/item?id=1' })
  await wx().navigateTo({ url: '/pages/item/item?id=2' })

  await wx().switchTab({ url: '/pages/mine/mine' })
  await settled()

  expect(stack()).toEqual(['pages/mine/mine'])
  expect(location.hash).toBe('#/pages/mine/mine')
})

test.each([
  ['navigateTo', '/pages/mine/mine', 'navigateTo:fail can not navigateTo a tabbar page'],
  ['redirectTo', '/pages/mine/mine', 'redirectTo:fail can not redirect to a tabbar page'],
  ['switchTab', '/pages/item/item', 'switchTab:fail can not switch to no-tabBar page'],
  ['navigateTo', '/pages/none/none', 'navigateTo:fail page "pages/none/none" is not found'],
  ['reLaunch', '/pages/none/none', 'reLaunch:fail page "pages/none/none" is not found'],
])('%s %s is refused as WeChat refuses it', async (api, url, errMsg) => {
  expect(await refusal(wx()[api]({ url }))).toEqual({ errMsg })
})

test('a missing url is a parameter error', async () => {
  const { errMsg } = await refusal(wx().navigateTo({}))

  expect(errMsg).toBe('navigateTo:fail parameter error: parameter.url should be String instead of Undefined;')
})

test('the first page cannot go back, the eleventh page cannot open', async () => {
  expect((await refusal(wx().navigateBack())).errMsg).toBe(
    'navigateBack:fail cannot navigate back at first page.',
  )

  for (let id = 2; id <= 10; id += 1) await wx().navigateTo({ url: `/pages/item/item?id=${id}` })

  const { errMsg } = await refusal(wx().navigateTo({ url: '/pages/item/item?id=11' }))
  expect(errMsg).toBe('navigateTo:fail webview count limit exceed')
  expect(stack()).toHaveLength(10)
  await wx().reLaunch({ url: '/pages/home/home' })
})

test('callbacks are called in order and keep the promise away', async () => {
  const calls: string[] = []
  const tell = (name: string) => (result: { errMsg: string }) => calls.push(`${name} ${result.errMsg}`)
  const answer = wx().switchTab({
    url: '/pages/item/item',
    success: tell('success'),
    fail: tell('fail'),
    complete: tell('complete'),
  })
  await settled()

  expect(answer).toBeUndefined()
  expect(calls).toEqual([
    'fail switchTab:fail can not switch to no-tabBar page',
    'complete switchTab:fail can not switch to no-tabBar page',
  ])
})

test('the bar follows the page: title, way back, a style of its own', async () => {
  await wx().navigateTo({ url: '/pages/item/item' })
  await wx().setNavigationBarTitle({ title: '一件货' })
  await settled()
  expect(document.querySelector('h1')?.textContent).toBe('一件货')
  expect(document.title).toBe('一件货')

  await wx().navigateTo({ url: '/pages/bare/bare' })
  await settled()
  expect(document.querySelector('h1')).toBeNull()
  expect(document.querySelector('.mp-nav-menu')).not.toBeNull()
})

test('tabs carry badges and say so', async () => {
  await wx().reLaunch({ url: '/pages/home/home' })
  await wx().setTabBarBadge({ index: 1, text: '3' })

  expect(find('.mp-tab[data-path="pages/mine/mine"]').getAttribute('aria-label')).toBe('我的，3 条')
  expect((await refusal(wx().setTabBarBadge({ index: 5, text: '3' }))).errMsg).toBe(
    'setTabBarBadge:fail invalid index',
  )
})

declare function getApp(): { globalData: object }
