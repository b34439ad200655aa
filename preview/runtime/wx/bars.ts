/** What a program may change on its navigation bar and tab bar. */
import { Failure, api } from '../answer'
import type { BarLook } from '../page'
import type { TabItem } from '../program'
import { router } from '../router'
import { hasTab, markTab, showTabBar as show } from '../tabbar'

function change(look: Partial<BarLook>): void {
  const page = router.current()
  if (!page) throw new Failure('no page')
  Object.assign(page.bar, look)
  router.draw()
}

export const setNavigationBarTitle = api('setNavigationBarTitle', ({ title }: { title: string }) =>
  change({ title }),
)
export const setNavigationBarColor = api(
  'setNavigationBarColor',
  ({ frontColor, backgroundColor }: { frontColor: string; backgroundColor: string }) =>
    change({ color: frontColor, background: backgroundColor }),
)
export const showNavigationBarLoading = api('showNavigationBarLoading', () => change({ loading: true }))
export const hideNavigationBarLoading = api('hideNavigationBarLoading', () => change({ loading: false }))
export const hideHomeButton = api('hideHomeButton', () => change({ homeHidden: true }))

function tab({ index }: { index: number }): number {
  if (!hasTab(index)) throw new Failure('invalid index')
  return index
}

export const setTabBarBadge = api('setTabBarBadge', (options: { index: number; text: string }) =>
  markTab(tab(options), { badge: options.text, dot: false }),
)
export const removeTabBarBadge = api('removeTabBarBadge', (options: { index: number }) =>
  markTab(tab(options), { badge: undefined }),
)
export const showTabBarRedDot = api('showTabBarRedDot', (options: { index: number }) =>
  markTab(tab(options), { dot: true, badge: undefined }),
)
export const hideTabBarRedDot = api('hideTabBarRedDot', (options: { index: number }) =>
  markTab(tab(options), { dot: false }),
)
export const setTabBarItem = api('setTabBarItem', (options: { index: number } & Partial<TabItem>) => {
  const { index, text, iconPath, selectedIconPath } = options
  const given = Object.entries({ text, iconPath, selectedIconPath }).filter(
    ([, value]) => value !== undefined,
  )
  markTab(tab({ index }), { item: Object.fromEntries(given) })
})
export const showTabBar = api('showTabBar', () => show(true))
export const hideTabBar = api('hideTabBar', () => show(false))
