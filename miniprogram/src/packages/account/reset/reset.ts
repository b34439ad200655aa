// Sets a new password for the account of a phone that a code proves.
import { api } from '../../../api/client'
import { forget } from '../../../api/login'
import { form, isPlaced } from '../../../parts/form'
import { look } from '../../../parts/look'
import { isPhone } from '../../../parts/phone'
import { refused } from '../../../parts/refused'
import { texts } from '../../../texts/account'

type Field = 'phone' | 'code' | 'password'
const places: Record<string, Field> = { 'sms-code-wrong': 'code', 'password-weak': 'password' }

Page({
  behaviors: [look, form],
  data: {
    t: texts,
    phone: '',
    code: '',
    password: '',
    wrong: {} as Partial<Record<Field, string>>,
    isBusy: false,
  },

  onBadPhone() {
    this.setData({ 'wrong.phone': texts.phoneWrong })
  },

  findWrong() {
    const { phone, code, password } = this.data
    const wrong: Partial<Record<Field, string>> = {}
    if (!isPhone(phone)) wrong.phone = texts.phoneWrong
    if (!/^\d{6}$/.test(code)) wrong.code = texts.smsCodeWrong
    if (password.length < 8) wrong.password = texts.passwordWrong
    return wrong
  },

  async onReset() {
    const wrong = this.findWrong()
    this.setData({ wrong })
    if (this.data.isBusy || Object.keys(wrong).length) return
    const { phone, code, password } = this.data
    this.setData({ isBusy: true })
    try {
      await api.post('/api/v1/password-resets', { body: { phone, sms_code: code, new_password: password } })
      forget()
      await wx.showModal({ title: '', content: texts.resetDone, showCancel: false })
      void wx.navigateBack()
    } catch (error) {
      if (!isPlaced(this, error, places)) await refused(error)
    } finally {
      this.setData({ isBusy: false })
    }
  },
})
