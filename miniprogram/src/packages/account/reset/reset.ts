// Sets a new password for the account of a phone that a code proves.
import { api } from '../../../api/client'
import { forget } from '../../../api/login'
import { codeFault, passwordFault, phoneFault } from '../../../parts/credentials'
import { faults } from '../../../parts/faults'
import { form, isPlaced } from '../../../parts/form'
import { look } from '../../../parts/look'
import { refused } from '../../../parts/refused'
import { close } from '../../../parts/way-back'
import { texts } from '../../../texts/account'

type Field = 'phone' | 'code' | 'password'
const places: Record<string, Field> = { 'sms-code-wrong': 'code', 'password-weak': 'password' }

Page({
  behaviors: [look, form],
  data: {
    t: texts,
    phone: '',
    code: '',
    codeRequest: null as string | null,
    password: '',
    wrong: {} as Partial<Record<Field, string>>,
    isBusy: false,
  },

  onBadPhone() {
    this.setData({ 'wrong.phone': texts.phoneWrong })
  },

  findWrong() {
    const { phone, code, password } = this.data
    return faults({ phone: phoneFault(phone), code: codeFault(code), password: passwordFault(password) })
  },

  async onReset() {
    const wrong = this.findWrong()
    this.setData({ wrong })
    if (this.data.isBusy || Object.keys(wrong).length) return
    const { phone, code, codeRequest, password } = this.data
    this.setData({ isBusy: true })
    try {
      const body = { phone, sms_code: code, sms_request_id: codeRequest, new_password: password }
      await api.post('/api/v1/password-resets', { body })
      forget()
      await wx.showModal({ title: '', content: texts.resetDone, showCancel: false })
      close(this)
    } catch (error) {
      if (!isPlaced(this, error, places)) await refused(error)
    } finally {
      this.setData({ isBusy: false })
    }
  },
})
