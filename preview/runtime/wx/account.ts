/** Login, payment and subscription messages: the host answers in WeChat's place. */
import { Failure, api, require } from '../answer'
import { host, type PaymentParams } from '../host'

const MAX_TEMPLATES = 3
const AFTER_PAYMENT_MS = 5000

let paidAt = -Infinity

export const login = api('login', async () => ({ code: (await host.login()).code }))
export const checkSession = api('checkSession', () => {})

export function getAccountInfoSync() {
  return { miniProgram: { appId: 'preview', envVersion: 'develop', version: '' } }
}

export const requestPayment = api('requestPayment', async (params: PaymentParams) => {
  require(params, { timeStamp: 'string', nonceStr: 'string', package: 'string', paySign: 'string' })
  try {
    await host.requestPayment(params)
  } finally {
    paidAt = Date.now()
  }
})

/** WeChat lets a program ask only in answer to a tap, or right after a payment. */
function isAsked(): boolean {
  return Date.now() - paidAt < AFTER_PAYMENT_MS || navigator.userActivation?.isActive !== false
}

export const requestSubscribeMessage = api(
  'requestSubscribeMessage',
  async ({ tmplIds }: { tmplIds: string[] }) => {
    if (!Array.isArray(tmplIds) || tmplIds.length === 0)
      throw new Failure("tmplIds can't be empty", { errCode: 10001 })
    if (tmplIds.length > MAX_TEMPLATES)
      throw new Failure('Templates count out of max bounds', { errCode: 20003 })
    if (!isAsked()) throw new Failure('can only be invoked by user TAP gesture.', { errCode: 10005 })
    return { ...(await host.subscribe(tmplIds)) }
  },
)
