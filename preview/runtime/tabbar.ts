/** The tab bar: links between the program's main pages, with badges and red dots. */
import { h } from './overlay'
import { program, type TabBar, type TabItem } from './program'
import { screen } from './screen'

interface Mark {
  badge?: string
  dot?: boolean
  item?: Partial<TabItem>
}

const marks = new Map<number, Mark>()
let hidden = false
let now = ''
let press: (item: TabItem, index: number) => void = () => {}

export function setupTabBar(onPress: typeof press): void {
  press = onPress
}

function label(item: TabItem, { badge, dot }: Mark): string {
  if (badge) return `${item.text}，${badge} 条`
  return dot ? `${item.text}，有新内容` : item.text
}

function signOf({ badge, dot }: Mark): HTMLElement[] {
  if (badge) return [h('span', { class: 'mp-tab-badge', 'aria-hidden': 'true' }, badge)]
  return dot ? [h('span', { class: 'mp-tab-dot', 'aria-hidden': 'true' })] : []
}

function iconOf({ iconPath, selectedIconPath }: TabItem, selected: boolean): HTMLElement[] {
  const path = (selected && selectedIconPath) || iconPath
  return path ? [h('img', { src: program.asset(`/${path.replace(/^\//, '')}`), alt: '' })] : []
}

function drawTab({ selectedColor, color }: TabBar, declared: TabItem, index: number): HTMLElement {
  const mark = marks.get(index) ?? {}
  const item = { ...declared, ...mark.item }
  const selected = item.pagePath === now
  const tab = h(
    'button',
    {
      type: 'button',
      class: 'mp-tab',
      'aria-label': label(item, mark),
      'aria-current': selected ? 'page' : undefined,
    },
    ...iconOf(item, selected),
    h('span', { class: 'mp-tab-text' }, item.text),
    ...signOf(mark),
  )
  tab.dataset.path = item.pagePath
  tab.style.color = (selected ? selectedColor : color) ?? ''
  tab.addEventListener('click', () => press(item, index))
  return tab
}

function fill(bar: TabBar): void {
  const { tabs } = screen
  const focused = (document.activeElement as HTMLElement | null)?.dataset.path
  tabs.setAttribute('aria-label', '主要页面')
  tabs.style.background = bar.backgroundColor ?? '#ffffff'
  tabs.classList.toggle('mp-tabbar-white', bar.borderStyle === 'white')
  tabs.replaceChildren(...bar.list.map((item, index) => drawTab(bar, item, index)))
  if (focused) tabs.querySelector<HTMLElement>(`[data-path="${focused}"]`)?.focus({ preventScroll: true })
}

export function drawTabBar(route: string): void {
  const bar = program.tabBar()
  now = route
  screen.tabs.hidden = hidden || !program.isTab(route)
  if (bar && !screen.tabs.hidden) fill(bar)
}

export function markTab(index: number, change: Mark): void {
  const { item, ...rest } = change
  const mark = marks.get(index)
  marks.set(index, { ...mark, ...rest, item: { ...mark?.item, ...item } })
  drawTabBar(now)
}

export function showTabBar(on: boolean): void {
  hidden = !on
  drawTabBar(now)
}

export function hasTab(index: number): boolean {
  return index >= 0 && index < (program.tabBar()?.list.length ?? 0)
}
