// Who is logged in, and the ways to what is theirs.
import { api } from '../../api/client'
import { account, goToLogin, keepAccount, type Account } from '../../api/login'
import { retry, shown } from '../../parts/loading'
import { look } from '../../parts/look'
import { refused } from '../../parts/refused'
import { newCount } from '../../parts/security'
import { texts } from '../../texts/account'
import { openPage } from '../../parts/open'

const entry = (icon: string, url: string, title: string, note: string) => ({ icon, url, title, note })

const entries = [
  entry(
    'calendar',
    '/packages/booking/appointments/appointments',
    texts.myAppointments,
    texts.myAppointmentsNote,
  ),
  entry('usergroup', '/packages/account/patients/patients', texts.patients, texts.patientsNote),
  entry('secured', '/packages/account/privacy/privacy', texts.privacy, texts.privacyNote),
  entry('setting', '/packages/account/settings/settings', texts.settings, texts.settingsNote),
  entry('help-circle', '/packages/account/help/help', texts.help, texts.helpNote),
]

Page({
  behaviors: [look],
  data: {
    t: texts,
    state: 'loading' as const,
    problem: null,
    entries,
    warning: '',
    who: null as { name: string; phone: string; hasPhone: boolean } | null,
  },
  onShow() {
    void shown(this, () => this.load())
  },
  async load() {
    const who = await account()
    const told = who ? newCount((await api.get('/api/v1/me/security-events')).items) : 0
    this.setData({ who: who && wordsOf(who), warning: told ? texts.securityNew(told) : '' })
  },
  onRetry() {
    void retry(this)
  },
  onLogIn() {
    goToLogin(this)
  },
  onOpen({ currentTarget }: WechatMiniprogram.TouchEvent) {
    openPage(currentTarget.dataset.url as string)
  },
  async onPhoneNumber({ detail }: WechatMiniprogram.CustomEvent<{ code?: string }>) {
    if (!detail.code) return
    try {
      keepAccount(await api.post('/api/v1/me/phone', { body: { code: detail.code } }))
      void wx.showToast({ title: texts.linked })
      await this.load()
    } catch (error) {
      await refused(error)
    }
  },
})

function wordsOf({ username, phone }: Account) {
  return {
    name: username ?? (phone ? phone : texts.weChatUser),
    phone: phone ?? texts.noPhone,
    hasPhone: phone !== null,
  }
}
