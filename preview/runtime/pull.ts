/** Pull down to refresh: a finger (or a mouse) that pulls the top of a page down. */
import { h } from './overlay'
import type { OpenPage } from './page'
import { screen } from './screen'

const ENOUGH_PX = 56
const spinner = h('div', { class: 'mp-pull', role: 'status' })
let refreshing: OpenPage | undefined

function place(distance: number): void {
  screen.pages.style.setProperty('--mp-pull', `${distance}px`)
  screen.pages.classList.toggle('mp-pulling', distance > 0)
}

export function startPullDownRefresh(page: OpenPage): void {
  if (refreshing) return
  refreshing = page
  place(ENOUGH_PX)
  spinner.replaceChildren(h('span', { class: 'mp-spinner', role: 'img', 'aria-label': '正在刷新' }))
  screen.pages.classList.add('mp-pulled')
  page.call('onPullDownRefresh')
}

export function stopPullDownRefresh(): void {
  refreshing = undefined
  place(0)
  spinner.replaceChildren()
  screen.pages.classList.remove('mp-pulled')
}

function fingerY(e: Event): number | undefined {
  return (e as TouchEvent).touches?.[0]?.clientY
}

/** Whether something between the finger and the page is scrolled down. */
function scrolledInside(target: Element | null, page: Element): boolean {
  for (let at = target; at && at !== page; at = at.parentElement) if (at.scrollTop > 0) return true
  return false
}

/** The page under the finger, when it may be pulled from where it is. */
function pullable(e: Event, page: OpenPage | undefined): OpenPage | undefined {
  if (refreshing || !page?.window.enablePullDownRefresh) return undefined
  const { element } = page
  const target = e.target as Element
  return element.scrollTop <= 0 && element.contains(target) && !scrolledInside(target, element)
    ? page
    : undefined
}

export function listenToPulls(current: () => OpenPage | undefined): void {
  let page: OpenPage | undefined
  let start = 0
  let distance = 0
  screen.pages.append(spinner)
  screen.pages.addEventListener(
    'touchstart',
    (e) => {
      page = pullable(e, current())
      start = fingerY(e) ?? 0
      distance = 0
    },
    { passive: true },
  )
  screen.pages.addEventListener(
    'touchmove',
    (e) => {
      if (!page) return
      distance = ((fingerY(e) ?? start) - start) / 2
      if (distance > 0) place(Math.min(distance, ENOUGH_PX * 1.5))
    },
    { passive: true },
  )
  for (const end of ['touchend', 'touchcancel']) {
    screen.pages.addEventListener(
      end,
      () => {
        if (page && end === 'touchend' && distance >= ENOUGH_PX) startPullDownRefresh(page)
        else if (page) place(0)
        page = undefined
      },
      { passive: true },
    )
  }
}
