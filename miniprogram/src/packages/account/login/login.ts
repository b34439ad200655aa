// Logs somebody in by WeChat, by a code or by a password, and goes back to where they were.
import { decoded } from '../../../parts/decoded'
import { api, type Schemas } from '../../../api/client'
import { account, keepAccount, logIn, logInByWeChat, type Account } from '../../../api/login'
import { agreeTo, consentTexts, type Kind, type Text } from '../../../parts/consents'
import { codeFault, phoneFault } from '../../../parts/credentials'
import { faults } from '../../../parts/faults'
import { form, isPlaced } from '../../../parts/form'
import { retry, shown } from '../../../parts/loading'
import { look } from '../../../parts/look'
import { refused } from '../../../parts/refused'
import { comeBack } from '../../../parts/way-back'
import { texts } from '../../../texts/account'
import { openPage } from '../../../parts/open'

type Way = 'wechat' | 'sms' | 'password'
interface Wrong {
  phone?: string
  code?: string
  username?: string
  password?: string
  consent?: string
}

/** The field that a refusal is about. */
const places = { 'sms-code-wrong': 'code', 'login-refused': 'password', 'login-paused': 'password' }

interface Entered {
  phone: string
  code: string
  username: string
  password: string
}

/** What is wrong with what was entered, by way to log in. */
const checks: Record<Way, (entered: Entered) => Record<string, string>> = {
  wechat: () => ({}),
  sms: ({ phone, code }) => ({ phone: phoneFault(phone), code: codeFault(code) }),
  password: ({ username, password }) => ({
    username: username ? '' : texts.usernameMissing,
    password: password ? '' : texts.passwordMissing,
  }),
}

const ways = [
  { value: 'wechat', text: texts.loginByWeChat },
  { value: 'sms', text: texts.loginBySms },
  { value: 'password', text: texts.loginByPassword },
]

Page({
  behaviors: [look, form],
  data: {
    t: texts,
    state: 'loading' as const,
    problem: null,
    ways,
    way: 'wechat' as Way,
    phone: '',
    code: '',
    codeRequest: null as string | null,
    username: '',
    password: '',
    agreements: [] as Text[],
    ticked: [] as Kind[],
    wrong: {} as Wrong,
    isBusy: false,
    isLinking: false,
  },
  back: '',

  onLoad({ back = '' }: { back?: string }) {
    this.back = decoded(back)
    void shown(this, async () => {
      const all = await consentTexts()
      this.setData({ agreements: all.filter(({ kind }) => kind === 'service' || kind === 'privacy') })
    })
  },

  /** Somebody registered or logged in on a page above this one. */
  async onShow() {
    if (!this.data.isBusy && !this.data.isLinking && (await account().catch(() => null)))
      comeBack(this, this.back)
  },

  onRetry() {
    void retry(this)
  },

  onWay({ detail }: WechatMiniprogram.CustomEvent<{ value: string }>) {
    this.setData({ way: detail.value as Way, wrong: {} })
  },

  onBadPhone() {
    this.setData({ 'wrong.phone': texts.phoneWrong })
  },

  onTicks({ detail }: WechatMiniprogram.CustomEvent<{ kinds: Kind[] }>) {
    this.setData({ ticked: detail.kinds, 'wrong.consent': '' })
  },

  async onLogIn() {
    const wrong = this.findWrong()
    this.setData({ wrong })
    if (this.data.isBusy || Object.keys(wrong).length) return
    this.setData({ isBusy: true })
    try {
      const who = await this.logIn()
      await agreeTo(this.data.agreements)
      this.welcome(who)
    } catch (error) {
      await this.showRefusal(error)
    } finally {
      this.setData({ isBusy: false })
    }
  },

  logIn(): Promise<Account> {
    const { way, phone, code, codeRequest, username, password } = this.data
    if (way === 'wechat') return logInByWeChat()
    if (way === 'sms') return logIn({ kind: 'sms', phone, sms_code: code, sms_request_id: codeRequest })
    return logIn({ kind: 'password', username, password })
  },

  findWrong(): Wrong {
    const { way, ticked, agreements } = this.data
    const consent = ticked.length < agreements.length ? texts.agreeFirst : ''
    return faults({ ...checks[way](this.data), consent })
  },

  welcome(who: Account) {
    if (this.data.way === 'wechat' && !who.phone) this.setData({ isLinking: true })
    else comeBack(this, this.back)
  },

  /** What a field got wrong stands at the field, all else in a dialog. */
  async showRefusal(error: unknown) {
    if (isPlaced(this, error, places)) return
    if (isOfWeChat(error))
      void wx.showModal({ title: '', content: texts.weChatUnavailable, showCancel: false })
    else await refused(error, { 'phone-unknown': { text: texts.register, act: () => this.onRegister() } })
  },

  async onPhoneNumber({ detail }: WechatMiniprogram.CustomEvent<{ code?: string }>) {
    if (!detail.code) return void wx.showToast({ title: texts.linkRefused, icon: 'none' })
    this.setData({ isBusy: true })
    try {
      const body: Schemas['PhoneIn'] = { code: detail.code }
      keepAccount(await api.post('/api/v1/me/phone', { body }))
      void wx.showToast({ title: texts.linked })
      comeBack(this, this.back)
    } catch (error) {
      await refused(error)
    } finally {
      this.setData({ isBusy: false })
    }
  },

  onLater() {
    comeBack(this, this.back)
  },

  onRegister() {
    openPage(`/packages/account/register/register?back=${encodeURIComponent(this.back)}`)
  },

  onReset() {
    openPage('/packages/account/reset/reset')
  },
})

/** wx.login failed, not the server. */
function isOfWeChat(error: unknown): boolean {
  return String((error as { errMsg?: string }).errMsg).startsWith('login:fail')
}
