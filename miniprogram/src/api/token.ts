// The bearer token in the phone's storage, and how it was got.

export type LoginKind = 'password' | 'sms' | 'wechat'

const tokenKey = 'login-token'
const kindKey = 'login-kind'

export function token(): string | null {
  return (wx.getStorageSync(tokenKey) as string) || null
}

export function keepToken(value: string, kind: LoginKind): void {
  wx.setStorageSync(tokenKey, value)
  wx.setStorageSync(kindKey, kind)
}

/** The token no longer stands; the kind of login stays known, so that WeChat's can be renewed silently. */
export function dropToken(): void {
  wx.removeStorageSync(tokenKey)
}

/** How this phone logged in last; null after logging out. */
export function lastKind(): LoginKind | null {
  return (wx.getStorageSync(kindKey) as LoginKind | '') || null
}

/** Logged out by the person: nothing is renewed silently from now on. */
export function forgetLogin(): void {
  dropToken()
  wx.removeStorageSync(kindKey)
}
