/** What stands behind WeChat's services. A program's own host answers in their place; without one each answers as WeChat does where it has no such service. */
import { Failure } from './answer'
import { openDialog, h, button } from './overlay'
import { copy } from './clipboard'
import { showToast } from './toast'

export interface PaymentParams {
  timeStamp: string
  nonceStr: string
  package: string
  signType?: string
  paySign: string
}

export interface ShareContent {
  title: string
  /** page with its query, without a leading slash */
  path: string
  imageUrl?: string
  /** the address that opens this page in a browser */
  link: string
}

export interface PlaceOnMap {
  latitude: number
  longitude: number
  name?: string
  address?: string
}

export interface Host {
  /** wx.login: a code that the program's server can change for the user's openid */
  login(): Promise<{ code: string }>
  /** <button open-type="getPhoneNumber">: a code that the server can change for the phone number */
  phoneNumber(): Promise<{ code: string }>
  /** resolves when paid; rejects with { errMsg: 'requestPayment:fail cancel' } */
  requestPayment(params: PaymentParams): Promise<void>
  /** the user's answer to each template */
  subscribe(templateIds: string[]): Promise<Record<string, 'accept' | 'reject' | 'ban'>>
  scan(): Promise<{ result: string }>
  share(content: ShareContent): Promise<void>
  openLocation(place: PlaceOnMap): Promise<void>
  /** shows the text named by `privacyContract` */
  openPrivacyContract(): Promise<void>
  privacyContract: string
}

/** Shows where a place is; a browser cannot know which map its owner wants. */
function showPlace({ name = '', address = '', latitude, longitude }: PlaceOnMap): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      close()
      resolve()
    }
    const copyAddress = () =>
      void copy([name, address].filter(Boolean).join(' ')).then(() => showToast({ title: '已复制地址' }))
    const box = h(
      'div',
      { 'aria-label': name || '位置' },
      h('h2', { class: 'mp-modal-title' }, name || '位置'),
      h('p', { class: 'mp-modal-text' }, address || `${latitude}, ${longitude}`),
      h(
        'div',
        { class: 'mp-modal-deeds' },
        button('复制地址', '', copyAddress),
        button('知道了', 'mp-modal-confirm', end),
      ),
    )
    const close = openDialog(box, end, 'mp-modal')
  })
}

async function copyLink({ link }: ShareContent): Promise<void> {
  await copy(link)
  showToast({ title: '链接已复制，可以发给朋友' })
}

export const host: Host = {
  login: () => Promise.reject(new Failure('the preview has no WeChat account', { errno: 600001 })),
  phoneNumber: () => Promise.reject(new Failure('no permission', { errno: 102 })),
  requestPayment: () => Promise.reject(new Failure('the preview has no WeChat Pay')),
  subscribe: () =>
    Promise.reject(new Failure('the preview has no subscription messages', { errCode: 20004 })),
  scan: () => Promise.reject(new Failure('the preview has no camera')),
  share: copyLink,
  openLocation: showPlace,
  openPrivacyContract: () => Promise.reject(new Failure('no privacy contract')),
  privacyContract: '《隐私保护指引》',
}

export function setHost(given: Partial<Host> = {}): void {
  Object.assign(host, given)
}
