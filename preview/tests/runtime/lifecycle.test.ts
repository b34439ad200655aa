/** The order in which WeChat calls a program. */
import { beforeAll, expect, test } from 'vitest'
import { log, open, page, settled, stack, teller, told, top, wx } from './opened'

const PART = `Component({
  lifetimes: {
    created() { log.push('part created') },
    attached() { log.push('part attached') },
    ready() { log.push('part ready') },
    detached() { log.push('part detached') },
  },
  pageLifetimes: {
    show() { log.push('part show') },
    hide() { log.push('part hide') },
    resize({ size }) { log.push('part resize ' + Object.keys(size)) },
  },
})`

beforeAll(() =>
  open({
    'app.json': {
      pages: ['pages/a/a', 'pages/b/b', 'pages/c/c', 'pages/d/d'],
      tabBar: {
        list: [
          { pagePath: 'pages/a/a', text: '甲' },
          { pagePath: 'pages/b/b', text: '乙' },
        ],
      },
      subPackages: [{ root: 'packages/far', pages: ['far'] }],
    },
    'app.ts': `App({
      onLaunch(options) { log.push('app onLaunch ' + options.path + ' ' + options.scene) },
      onShow() { log.push('app onShow') },
      onHide() { log.push('app onHide') },
      onError(error) { log.push('app onError ' + error.split('\\n')[0]) },
    })`,
    'part.json': { component: true },
    'part.wxml': '<view>part</view>',
    'part.ts': PART,
    ...page(
      'pages/a/a',
      '<part />',
      teller('a', 'onTabItemTap({ index, text }) { log.push("a tapped " + index + text) }'),
      {
        usingComponents: { part: '/part' },
      },
    ),
    ...page('pages/b/b', '<view />', teller('b')),
    ...page('pages/c/c', '<view />', teller('c')),
    ...page('pages/d/d', '<view />', 'Page({ onLoad() { throw new Error("broken") } })'),
    ...page('packages/far/far', '<view />', teller('far')),
  }),
)

test('a cold start calls the app, then the page, then what is ready', () => {
  expect(told()).toEqual([
    'app onLaunch pages/a/a 1001',
    'app onShow',
    'part created',
    'part attached',
    'a onLoad {}',
    'a onShow',
    'part show',
    'part ready',
    'a onReady',
  ])
})

test('navigateTo hides the old page before the new one is loaded, and going back unloads it', async () => {
  await wx().navigateTo({ url: '/pages/c/c?id=1&name=%E7%94%B2' })
  await settled()

  expect(told()).toEqual([
    'a onHide',
    'part hide',
    'c onLoad {"id":"1","name":"%E7%94%B2"}',
    'c onShow',
    'c onReady',
  ])

  await wx().navigateBack()
  await settled()

  expect(told()).toEqual(['c onUnload', 'a onShow', 'part show'])
})

test('redirectTo unloads the page that it takes the place of', async () => {
  await wx().navigateTo({ url: '/pages/c/c' })
  await settled()
  told()

  await wx().redirectTo({ url: '../c/c?again=1' })
  await settled()

  expect(told()).toEqual(['c onUnload', 'c onLoad {"again":"1"}', 'c onShow', 'c onReady'])
  expect(stack()).toEqual(['pages/a/a', 'pages/c/c'])
  await wx().navigateBack()
  await settled()
})

test('tab pages stay alive: the second visit only shows them', async () => {
  told()
  await wx().switchTab({ url: '/pages/b/b' })
  await settled()
  await wx().switchTab({ url: '/pages/a/a' })
  await settled()
  await wx().switchTab({ url: '/pages/b/b' })
  await settled()

  expect(told()).toEqual([
    ...['a onHide', 'part hide', 'b onLoad {}', 'b onShow', 'b onReady'],
    ...['b onHide', 'a onShow', 'part show'],
    ...['a onHide', 'part hide', 'b onShow'],
  ])
  expect(stack()).toEqual(['pages/b/b'])
})

test('switchTab unloads the pages above the tab', async () => {
  await wx().navigateTo({ url: '/pages/c/c' })
  await settled()
  told()

  await wx().switchTab({ url: '/pages/a/a' })
  await settled()

  expect(told()).toEqual(['c onUnload', 'a onShow', 'part show'])
})

test('a tap on the tab bar tells the page which tab it was', async () => {
  await wx().switchTab({ url: '/pages/b/b' })
  await settled()
  told()

  document.querySelector<HTMLElement>('.mp-tab')?.click()
  await settled()

  expect(told()).toEqual(['b onHide', 'a onShow', 'part show', 'a tapped 0甲'])
})

test('going to the background hides the page and the app, coming back shows the app first', () => {
  told()
  const background = (hidden: boolean) => {
    Object.defineProperty(document, 'hidden', { value: hidden, configurable: true })
    document.dispatchEvent(new Event('visibilitychange'))
  }

  background(true)
  background(false)

  expect(told()).toEqual(['a onHide', 'part hide', 'app onHide', 'app onShow', 'a onShow', 'part show'])
})

test('a page of a sub-package is fetched when it is opened', async () => {
  told()

  await wx().navigateTo({ url: '/packages/far/far' })
  await settled()

  expect(stack()).toEqual(['pages/a/a', 'packages/far/far'])
  expect(told().slice(-3)).toEqual(['far onLoad {}', 'far onShow', 'far onReady'])
})

test('a page that throws is told to the app and stays on the stack', async () => {
  const quiet = console.error
  console.error = () => {}
  told()

  await wx().navigateTo({ url: '/pages/d/d' })
  await settled()
  console.error = quiet

  expect(told()).toContain('app onError broken')
  expect(top().route).toBe('pages/d/d')
})

test('reLaunch unloads everything, kept tabs too', async () => {
  told()

  await wx().reLaunch({ url: '/pages/b/b?from=launch' })
  await settled()

  expect(log).toContain('far onUnload')
  expect(log).toContain('a onUnload')
  expect(log).toContain('part detached')
  expect(told().slice(-3)).toEqual(['b onLoad {"from":"launch"}', 'b onShow', 'b onReady'])
  expect(document.querySelectorAll('wx-page')).toHaveLength(1)
})
