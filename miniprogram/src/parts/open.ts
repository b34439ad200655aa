// Opens a page on top of this one.

const mostPages = 10

/** WeChat keeps ten pages and refuses the eleventh, which takes the tenth's place here. */
export function openPage(url: string): void {
  void (getCurrentPages().length < mostPages ? wx.navigateTo({ url }) : wx.redirectTo({ url }))
}
