// Changes the phone of the account: the new number by its code, and a proof that the holder asks.
import { api, type Schemas } from '../../../api/client'
import { account, keepAccount, requireLogin, type Account } from '../../../api/login'
import { codeFault, phoneFault } from '../../../parts/credentials'
import { faults } from '../../../parts/faults'
import { form, isPlaced } from '../../../parts/form'
import { retry, shown } from '../../../parts/loading'
import { look } from '../../../parts/look'
import { refused } from '../../../parts/refused'
import { close } from '../../../parts/way-back'
import { texts } from '../../../texts/account'

type Proof = Schemas['HolderIn']['proof']
type Way = Proof['kind']
type Field = 'phone' | 'code' | 'ownCode' | 'password'
const places: Record<string, Field> = {
  'phone-taken': 'phone',
  'phone-unchanged': 'phone',
  'login-paused': 'password',
}

Page({
  behaviors: [look, form],
  data: {
    t: texts,
    state: 'loading' as const,
    problem: null,
    ways: [] as { value: Way; text: string }[],
    way: 'sms' as Way,
    phone: '',
    code: '',
    codeRequest: null as string | null,
    ownCode: '',
    ownRequest: null as string | null,
    password: '',
    wrong: {} as Partial<Record<Field, string>>,
    isBusy: false,
  },

  async onShow() {
    if (await requireLogin(this)) void shown(this, () => this.load())
  },
  async load() {
    const who = await account()
    if (!who || this.data.ways.length) return
    const ways = waysOf(who)
    this.setData({ ways, way: ways[0]?.value ?? 'wechat' })
  },
  onRetry() {
    void retry(this)
  },
  onBadPhone() {
    this.setData({ 'wrong.phone': texts.phoneWrong })
  },
  onOwnRequest({ detail }: WechatMiniprogram.CustomEvent<{ id: string }>) {
    this.setData({ ownRequest: detail.id })
  },

  findWrong() {
    const { way, phone, code, ownCode, password } = this.data
    return faults({
      phone: phoneFault(phone),
      code: codeFault(code),
      ownCode: way === 'sms' ? codeFault(ownCode) : '',
      password: way === 'password' && !password ? texts.passwordMissing : '',
    })
  },

  async proof(): Promise<Proof> {
    const { way, ownCode, ownRequest, password } = this.data
    if (way === 'sms') return { kind: 'sms', sms_code: ownCode, sms_request_id: ownRequest }
    if (way === 'password') return { kind: 'password', password }
    return { kind: 'wechat', js_code: (await wx.login()).code }
  },

  async onChange() {
    const wrong = this.findWrong()
    this.setData({ wrong })
    if (this.data.isBusy || Object.keys(wrong).length) return
    const { phone, code, codeRequest } = this.data
    this.setData({ isBusy: true })
    try {
      const body = { phone, sms_code: code, sms_request_id: codeRequest, proof: await this.proof() }
      keepAccount(await api.post('/api/v1/me/phone-changes', { body }))
      await wx.showModal({ title: '', content: texts.phoneChanged, showCancel: false })
      close(this)
    } catch (error) {
      if (!isPlaced(this, error, places)) await refused(error)
    } finally {
      this.setData({ isBusy: false })
    }
  },
})

/** By a code to the present number, by the password, or by WeChat: whichever the account has. */
function waysOf({ phone, username }: Account): { value: Way; text: string }[] {
  const ways: { value: Way; text: string }[] = []
  if (phone) ways.push({ value: 'sms', text: texts.byOldPhone(phone) })
  if (username) ways.push({ value: 'password', text: texts.password })
  ways.push({ value: 'wechat', text: texts.weChat })
  return ways
}
