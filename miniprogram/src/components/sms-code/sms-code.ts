// The field of a code sent by SMS, with the button that sends one. Says `change` with the code, `request` with the id
// that goes with it, `badphone` without a phone.
import { api, type Schemas } from '../../api/client'
import { Refusal } from '../../api/refusal'
import { problemOf } from '../../parts/loading'
import { isPhone } from '../../parts/values'
import { texts } from '../../texts/account'

/** The server sends one code a minute to a phone. */
const pauseS = 60
interface Running {
  timer: number
}

Component({
  properties: {
    phone: { type: String, value: '' },
    purpose: { type: String, value: 'login' },
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
      const { phone, purpose, isSending, waitS } = this.data
      if (isSending || waitS > 0) return
      if (!isPhone(phone)) return this.triggerEvent('badphone')
      this.setData({ isSending: true, problem: '', note: '' })
      try {
        const body = { phone, purpose: purpose as Schemas['SmsCodeIn']['purpose'] }
        const { expires_in_s: seconds, sms_request_id: id } = await api.post('/api/v1/sms-codes', { body })
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
    waitFor(seconds: number) {
      this.setData({ waitS: seconds, action: seconds > 0 ? texts.codeAgainIn(seconds) : texts.getCodeAgain })
      if (seconds > 0) (this as unknown as Running).timer = setTimeout(() => this.waitFor(seconds - 1), 1000)
    },
  },
})
