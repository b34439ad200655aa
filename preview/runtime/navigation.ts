/** The navigation bar: title, way back, and the menu that shares or refreshes. */
import { button, chooseFrom, h } from './overlay'
import { screen } from './screen'
import type { BarLook, OpenPage } from './page'

export interface NavigationDeeds {
  back: () => void
  home: () => void
  /** deeds of the menu for this page, by the words shown */
  menu: (page: OpenPage) => { text: string; act: () => void }[]
}

let deeds: NavigationDeeds

export function setupNavigation(given: NavigationDeeds): void {
  deeds = given
}

async function openMenu(page: OpenPage): Promise<void> {
  const items = deeds.menu(page)
  const chosen = await chooseFrom(items, { title: '更多' })
  if (chosen !== undefined) items[chosen].act()
}

function wayBack(page: OpenPage, depth: number, isHome: boolean): HTMLElement | null {
  if (depth > 1) return button('', 'mp-nav-back', deeds.back, '返回')
  if (isHome || page.bar.homeHidden) return null
  return button('', 'mp-nav-home', deeds.home, '返回首页')
}

function titleOf({ title, loading }: BarLook): HTMLElement {
  const heading = h('h1', { class: 'mp-nav-title' }, title)
  if (loading) heading.prepend(h('span', { class: 'mp-spinner', role: 'img', 'aria-label': '加载中' }))
  return heading
}

function paint({ bar, window: look }: OpenPage, custom: boolean): void {
  const { navigation } = screen
  navigation.classList.toggle('mp-nav-custom', custom)
  navigation.style.background = custom
    ? ''
    : (bar.background ?? look.navigationBarBackgroundColor ?? '#ffffff')
  screen.pages.style.background = look.backgroundColor ?? ''
  navigation.style.color = bar.color ?? (look.navigationBarTextStyle === 'white' ? '#ffffff' : '#000000')
}

/** Draws the bar for the page on top; `depth` is the height of the stack. */
export function drawNavigation(page: OpenPage, depth: number, isHome: boolean): void {
  const custom = page.window.navigationStyle === 'custom'
  const menu = button('', 'mp-nav-menu', () => void openMenu(page), '更多')
  const parts = custom ? [menu] : [wayBack(page, depth, isHome), titleOf(page.bar), menu]
  document.title = page.bar.title
  paint(page, custom)
  screen.navigation.replaceChildren(...parts.filter((part) => part !== null))
}
