// A deed that was refused: the server's sentence, and the next step by its code.
import { problemOf } from './loading'
import { texts } from '../texts/app'
import { texts as account } from '../texts/account'
import { openPage } from './open'

/** What a person can do about a refusal; `text` has at most four signs, as WeChat's dialog asks. */
export interface Step {
  text: string
  act: () => void
}

const open = (url: string) => () => openPage(url)

const steps: Record<string, Step> = {
  'not-logged-in': { text: texts.logIn, act: open('/packages/account/login/login') },
  'phone-unknown': { text: account.register, act: open('/packages/account/register/register') },
  'phone-taken': { text: texts.logIn, act: open('/packages/account/login/login') },
  'guardian-required': { text: account.addGrownUp, act: open('/packages/account/patient/patient') },
  'patient-not-verified': { text: account.patients, act: open('/packages/account/patients/patients') },
  'patient-consent-withdrawn': { text: account.readTexts, act: open('/packages/account/privacy/privacy') },
  'patient-limit-reached': { text: account.patients, act: open('/packages/account/patients/patients') },
}

/** Tells of an error in a dialog and offers the next step; `own` steps of a page come before the common ones. */
export async function refused(error: unknown, own: Record<string, Step> = {}): Promise<void> {
  const { code, title } = problemOf(error)
  const step = own[code] ?? steps[code]
  const { confirm } = await wx.showModal({
    title: '',
    content: title,
    showCancel: Boolean(step),
    cancelText: texts.understood,
    confirmText: step?.text ?? texts.understood,
  })
  if (confirm) step?.act()
}
