/** WeChat's page stack: at most ten pages, tab pages kept alive, lifecycle in WeChat's order, one deed at a time. */
import { Address } from './address'
import type { AssociatedBackend, Authored, CodeSpace, Instance } from './easel'
import { EventChannel } from './event-channel'
import { drawNavigation } from './navigation'
import { OpenPage, urlOf, type Place } from './page'
import { program } from './program'
import { drawTabBar } from './tabbar'
import { showToast } from './toast'

const LIMIT = 10
const SLOW_MS = 400

interface Kit {
  backend: AssociatedBackend
  space: CodeSpace
}

/** "a/b?x=1" as route and options. WeChat leaves the values as they are written. */
export function parse(url: string, from = ''): Place {
  const at = url.indexOf('?')
  const path = at < 0 ? url : url.slice(0, at)
  const route = new URL(path, `http://program/${from}`).pathname.slice(1)
  const pairs = (at < 0 ? '' : url.slice(at + 1)).split('&').filter(Boolean)
  const options = pairs.map((pair) => {
    const equals = pair.indexOf('=')
    return equals < 0 ? [pair, ''] : [pair.slice(0, equals), pair.slice(equals + 1)]
  })
  return { route, options: Object.fromEntries(options) }
}

class Router {
  stack: OpenPage[] = []
  private readonly tabs = new Map<string, OpenPage>()
  private readonly address = new Address()
  private turn: Promise<unknown> = Promise.resolve()
  private kit!: Kit

  setup(kit: Kit): void {
    this.kit = kit
    const travel = (index: number, url: string) => void this.inTurn(() => this.travel(index, url))
    this.address.listen(travel, () => this.top() + 1)
  }

  current(): OpenPage | undefined {
    return this.stack[this.stack.length - 1]
  }

  instances(): Instance[] {
    return this.stack.map((page) => page.instance)
  }

  isHome(route: string): boolean {
    return route === program.home() || program.isTab(route)
  }

  start(place: Place): Promise<void> {
    return this.inTurn(async () => {
      await program.load(place.route)
      this.show(this.open(place, this.address.start(urlOf(place))))
    })
  }

  navigateTo(
    url: string,
    events: Record<string, (...values: Authored[]) => void> = {},
  ): Promise<EventChannel> {
    return this.inTurn(async () => {
      const place = await this.find(url)
      if (program.isTab(place.route)) throw new Error('can not navigateTo a tabbar page')
      if (this.stack.length >= LIMIT) throw new Error('webview count limit exceed')
      const { opener, opened } = EventChannel.pair(events)
      const index = this.top() + 1
      this.current()?.hide()
      void this.address.push(index, urlOf(place))
      this.show(this.open(place, index, opened))
      return opener
    })
  }

  redirectTo(url: string): Promise<void> {
    return this.inTurn(async () => {
      const place = await this.find(url)
      if (program.isTab(place.route)) throw new Error('can not redirect to a tabbar page')
      const index = this.current()?.index ?? 0
      const old = this.stack.pop()
      if (old) this.close(old)
      void this.address.replace(index, urlOf(place))
      this.show(this.open(place, index))
    })
  }

  switchTab(url: string): Promise<void> {
    return this.inTurn(async () => {
      const { route } = await this.find(url)
      if (!program.isTab(route)) throw new Error('can not switch to no-tabBar page')
      if (this.current()?.route === route) return
      this.rewind({ route, options: {} }, (page) => !this.tabs.has(page.route))
    })
  }

  reLaunch(url: string): Promise<void> {
    return this.inTurn(async () => {
      const place = await this.find(url)
      this.rewind(place, () => true)
    })
  }

  navigateBack(delta = 1): Promise<void> {
    return this.inTurn(async () => {
      if (this.stack.length < 2) throw new Error('cannot navigate back at first page.')
      const steps = Math.min(Math.max(delta, 1), this.stack.length - 1)
      const target = this.stack[this.stack.length - 1 - steps]
      void this.address.back(this.top() - target.index)
      for (let i = 0; i < steps; i += 1) this.pop()
      this.show(target)
    })
  }

  /** Draws the bars again after something they show has changed. */
  draw(): void {
    const page = this.current()
    if (!page) return
    drawNavigation(page, this.stack.length, this.isHome(page.route))
    drawTabBar(page.route)
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.turn.then(work)
    this.turn = done.catch(() => {})
    return done
  }

  private async find(url: string): Promise<Place> {
    const place = parse(url, this.current()?.route)
    if (!program.config.pages.includes(place.route)) throw new Error(`page "${place.route}" is not found`)
    await this.load(place.route)
    return place
  }

  /** The code of a sub-package may take its time, or not come at all: both are shown. */
  private async load(route: string): Promise<void> {
    const page = this.current()
    const wait = (loading: boolean) => {
      if (page) page.bar.loading = loading
      this.draw()
    }
    const slow = setTimeout(() => wait(true), SLOW_MS)
    try {
      await program.load(route)
    } catch {
      showToast({ title: '页面没有加载成功，请检查网络后再试', icon: 'none', duration: 3000 })
      throw new Error(`page "${route}" could not be loaded`)
    } finally {
      clearTimeout(slow)
      if (page?.bar.loading) wait(false)
    }
  }

  /** Number of the top page's entry in the browser's history; -1 before there is one. */
  private top(): number {
    return this.current()?.index ?? -1
  }

  /** The visitor went back or forward in the browser. */
  private async travel(index: number, url: string): Promise<void> {
    const place = parse(url)
    if (!program.config.pages.includes(place.route)) return
    await program.load(place.route)
    if (this.top() < index) this.current()?.hide()
    while (this.top() > index) this.pop()
    this.show(this.reached(place, index) ?? this.openOrKept(place, index))
  }

  /** The page on top, when it is what the address names; another page at that entry gives way. */
  private reached(place: Place, index: number): OpenPage | undefined {
    const page = this.current()
    if (page?.index !== index) return undefined
    if (page.route === place.route) return page
    this.pop()
    return undefined
  }

  /** Back to the stack's first entry, which then shows `place`; pages that `closes` says so are unloaded. */
  private rewind(place: Place, closes: (page: OpenPage) => boolean): void {
    const base = this.stack[0]?.index ?? 0
    void this.address.back(this.top() - base)
    void this.address.replace(base, urlOf(place))
    const pages = new Set([...this.stack.splice(0).reverse(), ...this.tabs.values()])
    for (const page of pages) {
      if (closes(page)) this.close(page)
      else page.hide()
    }
    this.show(this.openOrKept(place, base))
  }

  private openOrKept(place: Place, index: number): OpenPage {
    const kept = this.tabs.get(place.route)
    if (!kept) return this.open(place, index)
    kept.index = index
    this.stack.push(kept)
    return kept
  }

  /** getCurrentPages() has the page from its `attached` on. */
  private open(place: Place, index: number, channel?: EventChannel): OpenPage {
    const page = new OpenPage(place, index, this.kit, channel)
    this.stack.push(page)
    if (program.isTab(place.route)) this.tabs.set(place.route, page)
    page.load()
    return page
  }

  private show(page: OpenPage): void {
    page.show()
    page.focus()
    this.draw()
  }

  private pop(): void {
    const page = this.stack.pop()
    if (!page) return
    if (this.tabs.has(page.route)) page.hide()
    else this.close(page)
  }

  private close(page: OpenPage): void {
    this.tabs.delete(page.route)
    page.unload()
  }
}

export const router = new Router()
