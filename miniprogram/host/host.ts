// What WeChat would answer, in a browser: our sandbox plays WeChat's servers. Where there is no sandbox every call fails,
// as WeChat's do where there is no WeChat.
import type { Host, PaymentParams } from 'miniprogram-preview/runtime/host'
import { h } from 'miniprogram-preview/runtime/overlay'
import { deed, show, type Sheet } from './sheet'

interface Trade {
  state: 'open' | 'paid' | 'closed'
  amount_fen: number
}

const userKey = 'sandbox:weixin-user'
const phoneKey = 'sandbox:phone'
const absent = 'no WeChat in this browser'

/** Who this browser is at the sandbox's WeChat: the same one as long as its storage lasts. */
function user(): string {
  const known = localStorage.getItem(userKey)
  if (known) return known
  const random = crypto.getRandomValues(new Uint8Array(8))
  const fresh = `browser_${Array.from(random, (byte) => byte.toString(16).padStart(2, '0')).join('')}`
  localStorage.setItem(userKey, fresh)
  return fresh
}

/** Asks the sandbox; an error's message is a sentence to show in the sheet. */
async function ask<T>(method: 'GET' | 'POST', path: string, body?: object): Promise<T> {
  const headers = { 'content-type': 'application/json', accept: 'application/json' }
  const answer = await fetch(path, { method, headers, body: body && JSON.stringify(body) }).catch(() => {
    throw new Error('没有连上网络，请再试一次')
  })
  const told = (await answer.json().catch(() => ({}))) as { title?: string }
  if (!answer.ok) throw new Error(told.title ?? `沙箱没有受理（${answer.status}）`)
  return told as T
}

function code(kind: 'login' | 'phone', subject: string): Promise<{ code: string }> {
  return ask('POST', '/sandbox/weixin/codes', { kind, subject })
}

function login(): Promise<{ code: string }> {
  return code('login', user()).catch(() => {
    throw new Error(absent)
  })
}

async function phoneNumber(): Promise<{ code: string }> {
  await login()
  return show('授权手机号', new Error('user deny'), (sheet: Sheet<{ code: string }>) => {
    const field = h('input', {
      type: 'tel',
      maxlength: '11',
      'aria-label': '手机号',
      'data-first': '',
      value: localStorage.getItem(phoneKey) ?? '',
    }) as HTMLInputElement
    const allow = async () => {
      if (!/^1[3-9]\d{9}$/.test(field.value)) throw new Error('请填 11 位手机号')
      const answer = await code('phone', field.value)
      localStorage.setItem(phoneKey, field.value)
      sheet.done(answer)
    }
    return [
      h('p', {}, '在微信里会授权您绑定的手机号。这里是演示，请填一个号码，不会真的发短信。'),
      field,
      deed('允许', 'sandbox-first', sheet, allow),
    ]
  })
}

async function requestPayment(params: PaymentParams): Promise<void> {
  const path = `/sandbox/wechat-pay/${encodeURIComponent(params.package.replace('prepay_id=', ''))}`
  const { amount_fen } = await ask<Trade>('GET', path).catch(() => {
    throw new Error(absent)
  })
  await show('微信支付', new Error('cancel'), (sheet: Sheet<void>) => {
    const pay = async () => {
      await ask('POST', `${path}/pay`, {})
      sheet.done()
    }
    const mistype = async () => {
      await ask('POST', `${path}/wrong-password`, {})
      throw new Error('支付密码错误，请重试')
    }
    const first = deed('支付', 'sandbox-first', sheet, pay)
    first.setAttribute('data-first', '')
    return [
      h('p', {}, '这是演示用的收银台，不会真的扣款。'),
      h('div', { class: 'sandbox-amount' }, `¥${(amount_fen / 100).toFixed(2)}`),
      first,
      deed('密码错误', '', sheet, mistype),
    ]
  })
}

const host: Partial<Host> = { login, phoneNumber, requestPayment }
export default host
