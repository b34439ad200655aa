/** Calls, clipboard, scanning, vibration, and settings of permission. */
import { Failure, api, require } from '../answer'
import { copy } from '../clipboard'
import { host } from '../host'
import { chooseFrom } from '../overlay'
import { showToast } from '../toast'
import { needPrivacy } from './privacy'

/** WeChat asks before it opens the phone; so does the preview, then it leaves the number to the browser. */
export const makePhoneCall = api('makePhoneCall', async (options: { phoneNumber: string }) => {
  require(options, { phoneNumber: 'string' })
  const chosen = await chooseFrom([{ text: `呼叫 ${options.phoneNumber}` }], { title: '拨打电话' })
  if (chosen === undefined) throw new Failure('cancel')
  location.href = `tel:${options.phoneNumber.replace(/[^\d+*#]/g, '')}`
})

export const setClipboardData = api('setClipboardData', async (options: { data: string }) => {
  require(options, { data: 'string' })
  await needPrivacy('setClipboardData')
  await copy(options.data)
  showToast({ title: '内容已复制' })
})

export const getClipboardData = api('getClipboardData', async () => {
  await needPrivacy('getClipboardData')
  return { data: await navigator.clipboard.readText() }
})

export const scanCode = api('scanCode', async () => ({
  scanType: 'QR_CODE',
  charSet: 'UTF-8',
  path: '',
  ...(await host.scan()),
}))

export const vibrateShort = api('vibrateShort', () => void navigator.vibrate?.(15))
export const vibrateLong = api('vibrateLong', () => void navigator.vibrate?.(400))

let lock: { release(): Promise<void> } | undefined

export const setKeepScreenOn = api('setKeepScreenOn', async ({ keepScreenOn }: { keepScreenOn: boolean }) => {
  await lock?.release()
  lock = keepScreenOn ? await navigator.wakeLock?.request('screen') : undefined
})

/** The browser keeps permissions itself and asks when they are needed. */
export const getSetting = api('getSetting', () => ({
  authSetting: {},
  subscriptionsSetting: { mainSwitch: true },
}))
export const openSetting = api('openSetting', () => ({ authSetting: {} }))
export const authorize = api('authorize', () => {})

export function getAppAuthorizeSetting() {
  return {
    cameraAuthorized: 'not determined',
    locationAuthorized: 'not determined',
    notificationAuthorized: 'not determined',
  }
}

export const hideKeyboard = api('hideKeyboard', () => (document.activeElement as HTMLElement | null)?.blur())
