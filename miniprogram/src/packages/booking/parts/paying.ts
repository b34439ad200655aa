// Ways to pay an order, and how patiently to ask whether it was paid.
import type { Schemas } from '../../../api/client'
import { texts } from '../../../texts/booking'

export type Channel = Schemas['guahao__payment__models__channel__Channel']

export type OnlineChannel = Exclude<Channel, 'cash' | 'alipay_page'>

/** A way to pay as the page offers it. */
export interface Method {
  channel: OnlineChannel
  name: string
  hint: string
}

const t = texts.payment
const methods: readonly Method[] = [
  { channel: 'wechat_jsapi', name: t.wechat, hint: t.wechatHint },
  { channel: 'wechat_native', name: t.native, hint: t.nativeHint },
  { channel: 'alipay_wap', name: t.alipay, hint: t.alipayHint },
  { channel: 'alipay_qr', name: t.alipayQr, hint: t.alipayQrHint },
]

/**
 * What to offer, the usual way first. Inside WeChat its own payment needs no code to scan; elsewhere nothing can open it.
 */
export function methodsFor(channels: readonly Channel[], inWeChat: boolean): Method[] {
  const useless: OnlineChannel = inWeChat ? 'wechat_native' : 'wechat_jsapi'
  return methods.filter(({ channel }) => channel !== useless && channels.includes(channel))
}

const waits = [500, 700, 1000, 1500, 2000, 3000, 5000]

/** How long to wait before asking the nth time (from 0), ms; `retryAfterS` is the server's own wish. */
export function waitBefore(nth: number, retryAfterS: number | null): number {
  return Math.max(waits[Math.min(nth, waits.length - 1)], (retryAfterS ?? 0) * 1000)
}

/** From this question on the page says that it takes longer than usual. */
export const longFrom = 10

/** Whether wx.requestPayment failed because the payer closed the cashier. */
export function isCancelled(failure: unknown): boolean {
  const { errMsg = '' } = Object(failure) as { errMsg?: string }
  return errMsg.includes('cancel')
}
