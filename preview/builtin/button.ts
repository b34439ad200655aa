/** <button>: also the way to a phone number, sharing, privacy consent and forms. */
import { host } from '../runtime/host'
import { wx } from '../runtime/wx'
import { agree, needPrivacy } from '../runtime/wx/privacy'
import { share } from '../runtime/wx/share'
import { builtin, defaultRole, elementOf, onOwn, type Part } from './part'

async function phoneNumber(part: Part): Promise<void> {
  try {
    await needPrivacy('getPhoneNumber')
    part.triggerEvent('getphonenumber', { ...(await host.phoneNumber()), errMsg: 'getPhoneNumber:ok' })
  } catch (error) {
    const { message, fields } = error as { message?: string; fields?: object }
    const errMsg = (error as { errMsg?: string }).errMsg ?? `getPhoneNumber:fail ${message}`
    part.triggerEvent('getphonenumber', { ...fields, errMsg })
  }
}

const OPEN: Record<string, (part: Part) => void> = {
  getPhoneNumber: (part) => void phoneNumber(part),
  share: (part) => void share({ from: 'button', target: { id: part.id, dataset: part.dataset } }),
  agreePrivacyAuthorization(part) {
    agree()
    part.triggerEvent('agreeprivacyauthorization', { errMsg: 'agreePrivacyAuthorization:ok' })
  },
  openSetting: (part) => part.triggerEvent('opensetting', { errMsg: 'openSetting:ok', authSetting: {} }),
  contact: () =>
    void (wx.showModal as (options: object) => void)({
      title: '客服会话',
      content: '客服会话只在微信里有。',
      showCancel: false,
    }),
}

function press(part: Part): void {
  const { formType, openType } = part.data
  for (const type of String(openType).split('|')) OPEN[type]?.(part)
  if (formType) part.triggerEvent(`form${formType}`, {}, { bubbles: true, composed: true })
}

builtin(
  {
    properties: {
      size: String,
      type: String,
      plain: Boolean,
      disabled: Boolean,
      loading: Boolean,
      formType: String,
      openType: String,
    },
    observers: {
      disabled(this: Part, disabled: boolean) {
        elementOf(this)?.setAttribute('aria-disabled', String(disabled))
      },
    },
    lifetimes: {
      attached(this: Part) {
        defaultRole(this, 'button')
        // a disabled button keeps its taps to itself
        onOwn(this, 'tap', (event) => this.data.disabled && event.stopPropagation(), { capture: true })
        onOwn(this, 'tap', () => press(this))
      },
    },
    methods: {
      activate(this: Part) {
        if (!this.data.disabled) press(this)
      },
    },
  },
  { marks: ['size', 'type', 'plain', 'disabled', 'loading'] },
)
