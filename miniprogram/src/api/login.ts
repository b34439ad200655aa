// Who is logged in, how one logs in, and where a page sends people who are not.
import { api, type Schemas } from './client'
import { renew } from './renewal'
import { Refusal } from './refusal'
import { forgetLogin, keepToken, token } from './token'
import { openPage } from '../parts/open'

export type Account = Schemas['AccountOut']
type LoginBody = Schemas['PasswordLoginIn'] | Schemas['SmsLoginIn'] | Schemas['WeChatLoginIn']

let known: Account | null = null

export function isLoggedIn(): boolean {
  return token() !== null
}

/** The account of this phone, or null when nobody is logged in. */
export async function account(): Promise<Account | null> {
  if (!isLoggedIn() && !(await renew())) return null
  try {
    known ??= await api.get('/api/v1/me')
    return known
  } catch (error) {
    if (error instanceof Refusal && error.code === 'not-logged-in') return null
    throw error
  }
}

/** The account changed, as by linking a phone: what is known is put in its place. */
export function keepAccount(changed: Account | null): void {
  known = changed
}

export async function logIn(body: LoginBody): Promise<Account> {
  const answer = await api.post('/api/v1/logins', { body })
  keepToken(answer.token, body.kind, answer.device_token)
  known = answer.account
  return answer.account
}

export async function logInByWeChat(): Promise<Account> {
  const { code } = await wx.login()
  return logIn({ kind: 'wechat', js_code: code })
}

export async function register(body: Schemas['AccountIn']): Promise<Account> {
  const answer = await api.post('/api/v1/accounts', { body })
  keepToken(answer.token, 'password', answer.device_token)
  known = answer.account
  return answer.account
}

/** Ends the login at the server too; when nobody answers, this phone forgets it all the same. */
export async function logOut(): Promise<void> {
  await api.delete('/api/v1/logins/current').catch(() => undefined)
  forget()
}

/** This phone is nobody's from now on. */
export function forget(): void {
  forgetLogin()
  known = null
}

interface AnyPage {
  route?: string
  options?: Record<string, string | undefined>
  setData(data: Record<string, unknown>): void
}

/** The address of a page as the routes of the app know it. */
export function addressOf(page: Pick<AnyPage, 'route' | 'options'>): string {
  const query = Object.entries(page.options ?? {}).map(
    ([key, value]) => `${key}=${encodeURIComponent(value ?? '')}`,
  )
  return `/${page.route}${query.length ? `?${query.join('&')}` : ''}`
}

/** Opens the login page, which comes back to `page` as it was left. */
export function goToLogin(page: Pick<AnyPage, 'route' | 'options'>): void {
  openPage(`/packages/account/login/login?back=${encodeURIComponent(addressOf(page))}`)
}

const asked = new WeakSet<object>()

/**
 * True when somebody is logged in. Otherwise opens the login page, once for each page: who comes back without having
 * logged in finds the page in state `login`, which <state-view> shows with a button.
 */
export async function requireLogin(page: AnyPage): Promise<boolean> {
  if (isLoggedIn() || (await renew())) return true
  page.setData({ state: 'login' })
  if (!asked.has(page)) {
    asked.add(page)
    goToLogin(page)
  }
  return false
}
