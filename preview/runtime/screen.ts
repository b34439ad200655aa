/** The program's place on the browser's page: navigation bar, page area and tab bar, and their measures as WeChat counts them. */
function box(className: string, tag = 'div'): HTMLElement {
  const element = document.createElement(tag)
  element.className = className
  return element
}

export const screen = {
  app: box('mp-app'),
  navigation: box('mp-nav', 'header'),
  pages: box('mp-pages'),
  tabs: box('mp-tabbar', 'nav'),
}

/** Puts the empty screen into the document and keeps --vh (a hundredth of the page area's height) true. */
export function mountScreen(fontScale: number, onResize: () => void): void {
  document.documentElement.style.setProperty('--mp-scale', String(fontScale))
  screen.app.append(screen.navigation, screen.pages, screen.tabs)
  document.body.append(screen.app)
  measure()
  if (typeof ResizeObserver === 'undefined') return
  new ResizeObserver(() => measure() && onResize()).observe(screen.pages)
}

let last = ''

/** True when the page area has changed its size. */
function measure(): boolean {
  const { width, height } = pageArea()
  const now = `${width} ${height}`
  const changed = last !== '' && now !== last
  if (now !== last) document.documentElement.style.setProperty('--vh', `${height / 100}px`)
  last = now
  return changed
}

/** The area in which pages are shown; WeChat's coordinates start at its corner. */
export function pageArea(): { left: number; top: number; width: number; height: number } {
  const { left, top } = screen.pages.getBoundingClientRect()
  return { left, top, width: screen.pages.clientWidth, height: screen.pages.clientHeight }
}
