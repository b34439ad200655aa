// The bearer token in the phone's storage, how it was got, and the token by which the server knows this phone again.
import { drop, keep, kept } from './storage'

export type LoginKind = 'password' | 'sms' | 'wechat'

const tokenKey = 'login-token'
const kindKey = 'login-kind'
const deviceKey = 'device-token'

export function token(): string | null {
  return kept<string>(tokenKey)
}

export function keepToken(value: string, kind: LoginKind, device: string): void {
  keep(tokenKey, value)
  keep(kindKey, kind)
  keep(deviceKey, device)
}

/** Shows that its owner has logged in on this phone before: strangers cannot make the owner wait. It opens nothing. */
export function deviceToken(): string | null {
  return kept<string>(deviceKey)
}

/** The token no longer stands; the kind of login stays known, so that WeChat's can be renewed silently. */
export function dropToken(): void {
  drop(tokenKey)
}

/** How this phone logged in last; null after logging out. */
export function lastKind(): LoginKind | null {
  return kept<LoginKind>(kindKey)
}

/** Logged out by the person: nothing is renewed silently from now on. */
export function forgetLogin(): void {
  dropToken()
  drop(kindKey)
  drop(deviceKey)
}
