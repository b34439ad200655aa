// A new token without a question, where the person had logged in by WeChat.
import { send } from './http'
import type { components } from './schema'
import { keepToken, lastKind } from './token'

let running: Promise<boolean> | null = null

/** True when a new token was got. All who ask at once share one login. */
export function renew(): Promise<boolean> {
  if (lastKind() !== 'wechat') return Promise.resolve(false)
  running ??= logInByWeChat().finally(() => {
    running = null
  })
  return running
}

async function logInByWeChat(): Promise<boolean> {
  try {
    const { code } = await wx.login()
    const answer = await send('POST', '/api/v1/logins', {}, { kind: 'wechat', js_code: code })
    if (answer.status !== 201) return false
    const { token, device_token: device } = answer.data as components['schemas']['LoggedInOut']
    keepToken(token, 'wechat', device)
    return true
  } catch {
    return false
  }
}
