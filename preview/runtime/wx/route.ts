/** wx routes, and what a page can ask of its own surface: scrolling, pull-down refresh, queries. */
import { Failure, api, require } from '../answer'
import { domOf, type Authored } from '../easel'
import type { OpenPage } from '../page'
import { startPullDownRefresh as startPull, stopPullDownRefresh as stopPull } from '../pull'
import { router } from '../router'

interface Url {
  url: string
}

function checked(options: Url): string {
  require(options, { url: 'string' })
  return options.url
}

export const navigateTo = api(
  'navigateTo',
  async (options: Url & { events?: Record<string, (...values: Authored[]) => void> }) => ({
    eventChannel: await router.navigateTo(checked(options), options.events),
  }),
)
export const redirectTo = api('redirectTo', (options: Url) => router.redirectTo(checked(options)))
export const switchTab = api('switchTab', (options: Url) => router.switchTab(checked(options)))
export const reLaunch = api('reLaunch', (options: Url) => router.reLaunch(checked(options)))
export const navigateBack = api('navigateBack', ({ delta }: { delta?: number }) => router.navigateBack(delta))

function currentPage() {
  const page = router.current()
  if (!page) throw new Failure('no page')
  return page
}

export const startPullDownRefresh = api('startPullDownRefresh', () => startPull(currentPage()))
export const stopPullDownRefresh = api('stopPullDownRefresh', () => stopPull())

/** How far down a node of the page is. */
function topOf({ element, instance }: OpenPage, selector: string): number {
  const target = domOf(instance._$.getShadowRoot()?.querySelector(selector))
  if (!target) throw new Failure('selector not found')
  return target.getBoundingClientRect().top - element.getBoundingClientRect().top + element.scrollTop
}

export const pageScrollTo = api(
  'pageScrollTo',
  ({ scrollTop = 0, selector, duration = 300, offsetTop = 0 }: WechatMiniprogram.PageScrollToOption) => {
    const page = currentPage()
    const top = selector === undefined ? scrollTop : topOf(page, selector) + offsetTop
    page.element.scrollTo({ top, behavior: duration > 0 ? 'smooth' : 'auto' })
  },
)

export function createSelectorQuery() {
  return currentPage().instance.createSelectorQuery()
}

export function createIntersectionObserver(
  component: { createIntersectionObserver(options?: object): unknown },
  options?: object,
) {
  return component.createIntersectionObserver(options)
}

export function nextTick(work: () => void): void {
  queueMicrotask(work)
}
