// What people log in with, checked before it is sent: '' or what is wrong.
import { texts } from '../texts/account'
import { isPhone, narrow } from '../values/typed'

export function phoneFault(phone: string): string {
  return isPhone(phone) ? '' : texts.phoneWrong
}

export function codeFault(code: string): string {
  return /^\d{6}$/.test(narrow(code).replace(/[ -]/g, '')) ? '' : texts.smsCodeWrong
}

export function usernameFault(username: string): string {
  return /^[A-Za-z][A-Za-z0-9_.-]{3,31}$/.test(narrow(username)) ? '' : texts.usernameWrong
}

/** Of a new password. */
export function passwordFault(password: string): string {
  return password.length >= 8 && password.length <= 64 ? '' : texts.passwordWrong
}
