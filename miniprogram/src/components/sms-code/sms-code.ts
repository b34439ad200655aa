// The field of a code sent by SMS, with the button that sends one: to `phone`, or with `own` to the account's own phone.
// Says `change` with the code, `request` with the id that goes with it, `badphone` without a phone.
import { api, type Schemas } from '../../api/client'
import { Refusal } from '../../api/refusal'
import { problemOf } from '../../parts/loading'
import { isPhone } from '../../values/typed'
import { texts } from '../../texts/account'

/** The server sends one code a minute to a phone. */
const pauseS = 60
/** A phone to send to: the one that is typed, or the account's own. */
const hasPhone = ({ own, phone }: { own: boolean; phone: string }) => own || isPhone(phone)

interface Running {
  timer: number
}

Component({
  properties: {
    phone: { type: String, value: '' },
    own: { type: Boolean, value: false },
    purpose: { type: String, value: 'login' },
    label: { type: String, value: texts.smsCode },
    value: { type: String, value: '' },
    wrong: { type: String, value: '' },
  },
  data: { t: texts, waitS: 0, isSending: false, action: texts.getCode as string, problem: '', note: '' },
  lifetimes: {
    detached() {
      clearTimeout((this as unknown as Running).timer)
    },
  },
  methods: {
    onChange({ detail }: WechatMiniprogram.CustomEvent<{ value: string }>) {
      this.triggerEvent('change', { value: detail.value })
    },
    async onSend() {
      const { isSending, waitS } = this.data
      if (isSending || waitS > 0) return
      if (!hasPhone(this.data)) return this.triggerEvent('badphone')
      this.setData({ isSending: true, problem: '', note: '' })
      try {
        const { expires_in_s: seconds, sms_request_id: id } = await this.send()
        this.triggerEvent('request', { id })
        this.setData({ note: texts.codeSent(Math.round(seconds / 60)) })
        this.waitFor(pauseS)
      } catch (error) {
        this.setData({ problem: problemOf(error).title })
        if (error instanceof Refusal && error.retryAfterS) this.waitFor(error.retryAfterS)
      } finally {
        this.setData({ isSending: false })
      }
    },
    send(): Promise<Schemas['SmsCodeOut']> {
      const { phone, purpose, own } = this.data
      if (own) return api.post('/api/v1/me/sms-codes')
      const body = { phone, purpose: purpose as Schemas['SmsCodeIn']['purpose'] }
      return api.post('/api/v1/sms-codes', { body })
    },
    waitFor(seconds: number) {
      this.setData({ waitS: seconds, action: seconds > 0 ? texts.codeAgainIn(seconds) : texts.getCodeAgain })
      if (seconds > 0) (this as unknown as Running).timer = setTimeout(() => this.waitFor(seconds - 1), 1000)
    },
  },
})
