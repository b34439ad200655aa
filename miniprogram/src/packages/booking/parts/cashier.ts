// Opening a payment of an order by one of its channels.
import { api, type Schemas } from '../../../api/client'
import { Offline } from '../../../api/refusal'
import { isCancelled, type OnlineChannel } from './paying'

export type Payment = Schemas['PaymentOut']

/** What the page shows of a payment that is not paid inside WeChat: a picture to scan, or a link to copy. */
export interface Shown {
  image: string
  link: string
}

/** Whether this is WeChat: elsewhere wx.login fails, and nothing can open WeChat's cashier. */
export async function isInWeChat(): Promise<boolean> {
  return wx.login().then(
    () => true,
    () => false,
  )
}

/** A fresh code of WeChat's, by which the server knows who pays. */
async function payerCode(): Promise<string> {
  const { code } = await wx.login().catch((failure: { errMsg?: string }) => {
    throw new Offline(failure.errMsg)
  })
  return code
}

export async function openPayment(orderId: string, channel: OnlineChannel): Promise<Payment> {
  const payer = channel === 'wechat_jsapi' ? { js_code: await payerCode() } : {}
  const path = { order_id: orderId }
  return api.post('/api/v1/orders/{order_id}/payments', { path, body: { channel, ...payer } })
}

/**
 * Opens WeChat's cashier and answers what it says. That it says "paid" proves nothing, and that it fails does not
 * either: only the server knows.
 */
export async function askWeChat({ params }: Payment): Promise<'paid' | 'cancelled' | 'failed'> {
  const asked = wx.requestPayment({
    timeStamp: params.timeStamp,
    nonceStr: params.nonceStr,
    package: params.package,
    signType: params.signType as 'RSA',
    paySign: params.paySign,
  })
  return asked.then(
    () => 'paid',
    (failure: unknown) => (isCancelled(failure) ? 'cancelled' : 'failed'),
  )
}

export function shownOf({ params }: Payment): Shown {
  return { image: params.qr_image ?? '', link: params.url ?? '' }
}
