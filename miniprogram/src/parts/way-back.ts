// The way back to the page that sent somebody to log in.
import { addressOf } from '../api/login'

const tabs = ['/pages/home/home', '/pages/registration/registration', '/pages/mine/mine']
const mine = '/pages/mine/mine'

/** Returns to `back` where it lies under this page, else opens it; without it to the tab of one's own. */
export function comeBack(back: string): void {
  const pages = getCurrentPages()
  const under = pages.findIndex((page) => addressOf(page as Parameters<typeof addressOf>[0]) === back)
  if (under >= 0 && under < pages.length - 1) void wx.navigateBack({ delta: pages.length - 1 - under })
  else if (!back || tabs.includes(back.split('?')[0])) void wx.switchTab({ url: back || mine })
  else void wx.redirectTo({ url: back })
}
