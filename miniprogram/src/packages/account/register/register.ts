// Makes an account by phone, code, username and password, and logs it in.
import { decoded } from '../../../parts/decoded'
import { register } from '../../../api/login'
import { agreeTo, consentTexts, type Kind, type Text } from '../../../parts/consents'
import { codeFault, passwordFault, phoneFault, usernameFault } from '../../../parts/credentials'
import { faults } from '../../../parts/faults'
import { form, isPlaced } from '../../../parts/form'
import { retry, shown } from '../../../parts/loading'
import { look } from '../../../parts/look'
import { refused } from '../../../parts/refused'
import { comeBack } from '../../../parts/way-back'
import { texts } from '../../../texts/account'

type Field = 'phone' | 'code' | 'username' | 'password' | 'consent'
type Wrong = Partial<Record<Field, string>>

/** The field that a refusal is about. */
const places: Record<string, Field> = {
  'sms-code-wrong': 'code',
  'username-taken': 'username',
  'password-weak': 'password',
}

Page({
  behaviors: [look, form],
  data: {
    t: texts,
    state: 'loading' as const,
    problem: null,
    phone: '',
    code: '',
    codeRequest: null as string | null,
    username: '',
    password: '',
    agreements: [] as Text[],
    ticked: [] as Kind[],
    wrong: {} as Wrong,
    isBusy: false,
  },
  back: '',

  onLoad({ back = '' }: { back?: string }) {
    this.back = decoded(back)
    void shown(this, async () => {
      const all = await consentTexts()
      this.setData({ agreements: all.filter(({ kind }) => kind === 'service' || kind === 'privacy') })
    })
  },

  onRetry() {
    void retry(this)
  },

  onBadPhone() {
    this.setData({ 'wrong.phone': texts.phoneWrong })
  },

  onTicks({ detail }: WechatMiniprogram.CustomEvent<{ kinds: Kind[] }>) {
    this.setData({ ticked: detail.kinds, 'wrong.consent': '' })
  },

  findWrong(): Wrong {
    const { phone, code, username, password, ticked, agreements } = this.data
    return faults({
      phone: phoneFault(phone),
      code: codeFault(code),
      username: usernameFault(username),
      password: passwordFault(password),
      consent: ticked.length < agreements.length ? texts.agreeFirst : '',
    })
  },

  async onRegister() {
    const wrong = this.findWrong()
    this.setData({ wrong })
    if (this.data.isBusy || Object.keys(wrong).length) return
    const { phone, code, codeRequest, username, password, agreements } = this.data
    this.setData({ isBusy: true })
    try {
      await register({ phone, sms_code: code, sms_request_id: codeRequest, username, password })
      await agreeTo(agreements)
      void wx.showToast({ title: texts.registerDone, icon: 'none' })
      comeBack(this, this.back)
    } catch (error) {
      if (!isPlaced(this, error, places))
        await refused(error, { 'phone-taken': { text: texts.logIn, act: () => this.onLogIn() } })
    } finally {
      this.setData({ isBusy: false })
    }
  },

  onLogIn() {
    const under = getCurrentPages().at(-2)?.route
    if (under === 'packages/account/login/login') void wx.navigateBack()
    else void wx.redirectTo({ url: `/packages/account/login/login?back=${encodeURIComponent(this.back)}` })
  },
})
