/** What app.json and the pages' json say, with theme.json's values filled in for the theme of the moment. */
import type { AppConfig } from './contract'
import type { Authored } from './easel'

export interface TabItem {
  pagePath: string
  text: string
  iconPath?: string
  selectedIconPath?: string
}

export interface TabBar {
  color?: string
  selectedColor?: string
  backgroundColor?: string
  borderStyle?: 'black' | 'white'
  list: TabItem[]
}

export interface PageWindow {
  navigationBarTitleText?: string
  navigationBarBackgroundColor?: string
  navigationBarTextStyle?: 'black' | 'white'
  navigationStyle?: 'default' | 'custom'
  backgroundColor?: string
  backgroundTextStyle?: 'dark' | 'light'
  enablePullDownRefresh?: boolean
  onReachBottomDistance?: number
  disableScroll?: boolean
}

let app: AppConfig = { pages: [], subPackages: [], assets: {} }
const pages = new Map<string, Record<string, Authored>>()
const subPackages = new Map<string, () => Promise<unknown>>()
const dark = typeof matchMedia === 'function' ? matchMedia('(prefers-color-scheme: dark)') : undefined

function named(value: string): string {
  return app.theme?.[program.theme()][value.slice(1)] ?? value
}

/** Values such as "@navigationBackground" are looked up in theme.json. */
function themed<T>(value: T): T {
  if (typeof value === 'string') return (value.startsWith('@') ? named(value) : value) as T
  if (Array.isArray(value)) return value.map(themed) as T
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, themed(inner)])) as T
}

export const program = {
  setup(config: AppConfig): void {
    app = config
  },

  get config(): AppConfig {
    return app
  },

  /** The page that opens when none is named. */
  home(): string {
    return app.entryPagePath ?? app.pages[0]
  },

  /** `?font-scale=1.75` in the address stands for WeChat's font size setting. */
  fontScale(): number {
    const scale = Number(new URLSearchParams(location.search).get('font-scale'))
    return Number.isFinite(scale) && scale > 0 ? scale : 1
  },

  /** 'dark' only for a program that says it has one. */
  theme(): 'light' | 'dark' {
    return app.darkmode && dark?.matches ? 'dark' : 'light'
  },

  onThemeChange(listener: () => void): void {
    dark?.addEventListener?.('change', () => app.darkmode && listener())
  },

  addPage(route: string, json: Record<string, Authored>): void {
    pages.set(route, json)
  },

  window(route: string): PageWindow {
    return themed({ ...app.window, ...pages.get(route) })
  },

  tabBar(): TabBar | undefined {
    return themed(app.tabBar as TabBar | undefined)
  },

  isTab(route: string): boolean {
    return ((app.tabBar as TabBar | undefined)?.list ?? []).some((item) => item.pagePath === route)
  },

  addSubPackage(root: string, load: () => Promise<unknown>): void {
    subPackages.set(root.replace(/^\/|\/$/g, ''), load)
  },

  /** Fetches the code of a page that lies in a sub-package. */
  async load(route: string): Promise<void> {
    if (pages.has(route)) return
    for (const [root, load] of subPackages) if (route.startsWith(`${root}/`)) await load()
  },

  /** Address of a file of the program: '/images/a.png', or 'a.png' beside the page. */
  asset(path: string, route = ''): string {
    if (/^([a-z][a-z0-9+.-]*:|\/\/)/i.test(path)) return path
    return app.assets[new URL(path, `http://program/${route}`).pathname] ?? path
  },
}
