// The way back to the page that sent somebody to log in.
import { addressOf } from '../api/login'

const tabs = ['/pages/home/home', '/pages/registration/registration', '/pages/mine/mine']
const mine = '/pages/mine/mine'

/** Whether nobody went on or back from `page` meanwhile, as people do when an answer is slow. */
export function isOnTop(page: object): boolean {
  return getCurrentPages().at(-1) === page
}

/** Closes `page`; where it was closed already the one below stays, and under a link's page lies nothing. */
export function close(page: object): void {
  if (!isOnTop(page)) return
  if (getCurrentPages().length > 1) void wx.navigateBack()
  else void wx.switchTab({ url: mine })
}

/** Returns from `page` to `back` where it lies under it, else opens it; without it to the tab of one's own. */
export function comeBack(page: object, back: string): void {
  if (!isOnTop(page)) return
  const pages = getCurrentPages()
  const under = pages.findIndex((page) => addressOf(page as Parameters<typeof addressOf>[0]) === back)
  if (under >= 0 && under < pages.length - 1) void wx.navigateBack({ delta: pages.length - 1 - under })
  else if (!back || tabs.includes(back.split('?')[0])) void wx.switchTab({ url: back || mine })
  else void wx.redirectTo({ url: back }).catch(() => wx.switchTab({ url: mine }))
}
