/** What the wx APIs answer, and how they refuse. */
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { find, open, page, pressButton, refusal, settled, tap, told, touch, wx } from './opened'

const HOST = `export default {
  login: async () => ({ code: 'login-code' }),
  phoneNumber: async () => ({ code: 'phone-code' }),
  requestPayment: async (params) => {
    if (params.package === 'refuse') throw { errMsg: 'requestPayment:fail cancel' }
    log.push('paid ' + params.package)
  },
  subscribe: async (ids) => Object.fromEntries(ids.map((id) => [id, 'accept'])),
  share: async (content) => log.push('shared ' + JSON.stringify(content)),
  privacyContract: '《某某隐私保护指引》',
}`

const HOME = `Page({
  onPullDownRefresh() { log.push('pulled') },
  onReachBottom() { log.push('bottom') },
  onPageScroll({ scrollTop }) { log.push('scrolled ' + scrollTop) },
  onShareAppMessage({ from, target }) {
    return { title: '来看', path: '/pages/home/home?from=' + from + (target ? target.id : '') }
  },
  phone({ detail }) { log.push('phone ' + JSON.stringify(detail)) },
  agreed({ detail }) { log.push(detail.errMsg) },
})`

const HOME_WXML = `<button id="share" open-type="share">分享</button>
<button id="phone" open-type="getPhoneNumber" bind:getphonenumber="phone">手机号</button>
<button id="agree" open-type="agreePrivacyAuthorization" bind:agreeprivacyauthorization="agreed">同意</button>
<view id="box" class="box" style="width: 10rpx">box</view>`

let server: http.Server
let address = ''

beforeAll(async () => {
  server = http.createServer((request, response) => {
    if (request.url === '/slow') return
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const { method, url, headers } = request
      const seen = {
        method,
        url,
        type: headers['content-type'],
        token: headers.token,
        body: Buffer.concat(chunks).toString(),
      }
      response.writeHead(url?.startsWith('/refuse') ? 409 : 200, {
        'content-type': 'application/json',
        'retry-after': '7',
        'access-control-allow-origin': '*',
      })
      response.end(JSON.stringify(seen))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  await open(
    {
      'app.json': { pages: ['pages/home/home'], darkmode: true },
      'app.ts': 'App({})',
      ...page('pages/home/home', HOME_WXML, HOME, {
        enablePullDownRefresh: true,
        navigationBarTitleText: '首页',
      }),
    },
    { host: HOST, search: '?font-scale=1.75&q=https%3A%2F%2Fx.test%2Fa' },
  )
})

afterAll(() => {
  server.closeAllConnections()
  server.close()
})

beforeEach(() => void told())

const request = (options: object) =>
  new Promise<Record<string, never>>((resolve, reject) => {
    wx().request({ ...options, success: resolve, fail: reject })
  })

test('request sends data in the address of a GET and as JSON otherwise', async () => {
  const got = await request({
    url: `${address}/list?a=1`,
    data: { q: '甲 乙', n: 2 },
    header: { token: 't' },
  })
  const posted = await request({ url: `${address}/add`, method: 'POST', data: { name: '甲' } })
  const form = await request({
    url: `${address}/form`,
    method: 'POST',
    data: { name: 'a b' },
    header: { 'Content-Type': 'application/x-www-form-urlencoded' },
  })

  expect(got).toMatchObject({ statusCode: 200, errMsg: 'request:ok' })
  expect(got.data).toMatchObject({ url: '/list?a=1&q=%E7%94%B2%20%E4%B9%99&n=2', token: 't' })
  expect(posted.data).toMatchObject({ method: 'POST', type: 'application/json', body: '{"name":"甲"}' })
  expect(form.data).toMatchObject({ body: 'name=a%20b' })
})

test('an answer of refusal is an answer, with its headers', async () => {
  const refused = await request({ url: `${address}/refuse` })

  expect(refused).toMatchObject({ statusCode: 409, header: { 'Retry-After': '7' } })
  expect(Date.parse((refused.header as { Date: string }).Date)).toBeGreaterThan(0)
})

test('request fails in WeChat words: timeout, abort, no network', async () => {
  const late = await refusal(request({ url: `${address}/slow`, timeout: 50 }))
  const aborted = await new Promise<object>((resolve) => {
    const task = wx().request({ url: `${address}/slow`, fail: resolve }) as unknown as { abort(): void }
    setTimeout(task.abort, 20)
  })
  vi.spyOn(navigator, 'onLine', 'get').mockReturnValue(false)
  const offline = await refusal(request({ url: 'http://127.0.0.1:1/' }))
  vi.restoreAllMocks()

  expect(late).toMatchObject({ errMsg: 'request:fail timeout', errno: 5 })
  expect(aborted).toMatchObject({ errMsg: 'request:fail abort' })
  expect(offline).toMatchObject({ errMsg: 'request:fail net::ERR_INTERNET_DISCONNECTED', errno: 600001 })
})

test('storage keeps values as they were and knows what is not there', async () => {
  const sync = wx() as unknown as Record<string, (...values: unknown[]) => unknown>
  sync.setStorageSync('list', [{ id: 1 }])
  await wx().setStorage({ key: 'no', data: false })

  expect(sync.getStorageSync('list')).toEqual([{ id: 1 }])
  expect(sync.getStorageSync('no')).toBe(false)
  expect(sync.getStorageSync('none')).toBe('')
  expect(await wx().getStorage({ key: 'list' })).toMatchObject({ data: [{ id: 1 }] })
  expect((await refusal(wx().getStorage({ key: 'none' }))).errMsg).toBe('getStorage:fail data not found')
  expect(sync.getStorageInfoSync()).toMatchObject({ keys: expect.arrayContaining(['list', 'no']) })
  sync.clearStorageSync()
  expect(sync.getStorageSync('list')).toBe('')
})

test('a modal answers what was chosen; Escape is cancel', async () => {
  const asked = wx().showModal({ title: '取消预约？', confirmText: '取消预约', cancelText: '先不取消' })
  await settled()
  expect(find('[role=dialog]').getAttribute('aria-label')).toBe('取消预约？')
  await pressButton('取消预约')
  expect(await asked).toMatchObject({ confirm: true, cancel: false })

  const left = wx().showModal({ content: '真的？' })
  await settled()
  find('[role=dialog]').dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape', bubbles: true }))
  expect(await left).toMatchObject({ confirm: false, cancel: true })

  const written = wx().showModal({ title: '留言', editable: true })
  await settled()
  find<HTMLTextAreaElement>('.mp-modal-field').value = '谢谢'
  await pressButton('确定')
  expect(await written).toMatchObject({ confirm: true, content: '谢谢' })
})

test('an action sheet tells the index, or that it was cancelled', async () => {
  const chosen = wx().showActionSheet({ itemList: ['甲', '乙'] })
  await settled()
  await pressButton('乙')
  const cancelled = refusal(wx().showActionSheet({ itemList: ['甲'] }))
  await settled()
  await pressButton('取消')

  expect(await chosen).toMatchObject({ tapIndex: 1 })
  expect((await cancelled).errMsg).toBe('showActionSheet:fail cancel')
})

test('a toast is told to screen readers and goes away', async () => {
  await wx().showToast({ title: '已保存', duration: 60 })
  expect(find('[role=status].mp-toast-region').textContent).toBe('已保存')
  await settled(120)
  expect(find('.mp-toast-region').textContent).toBe('')
})

test('login, payment and subscription are answered by the host', async () => {
  const params = { timeStamp: '1', nonceStr: 'n', package: 'prepay_id=1', signType: 'RSA', paySign: 's' }

  expect(await wx().login()).toEqual({ errMsg: 'login:ok', code: 'login-code' })
  expect(await wx().requestPayment(params)).toEqual({ errMsg: 'requestPayment:ok' })
  expect(told()).toEqual(['paid prepay_id=1'])
  expect((await refusal(wx().requestPayment({ ...params, package: 'refuse' }))).errMsg).toBe(
    'requestPayment:fail cancel',
  )
  expect((await refusal(wx().requestPayment({ ...params, paySign: undefined }))).errMsg).toBe(
    'requestPayment:fail parameter error: parameter.paySign should be String instead of Undefined;',
  )
  expect(await wx().requestSubscribeMessage({ tmplIds: ['a'] })).toMatchObject({ a: 'accept' })
  expect(await refusal(wx().requestSubscribeMessage({ tmplIds: ['a', 'b', 'c', 'd'] }))).toMatchObject({
    errCode: 20003,
  })
})

test('personal data waits for the privacy agreement, which the program may ask for itself', async () => {
  expect(await wx().getPrivacySetting()).toMatchObject({
    needAuthorization: true,
    privacyContractName: '《某某隐私保护指引》',
  })

  const official = refusal(wx().requirePrivacyAuthorize())
  await settled()
  await pressButton('拒绝')
  expect(await official).toMatchObject({
    errMsg: 'requirePrivacyAuthorize:fail privacy permission is not authorized',
    errno: 104,
  })

  const listen = wx().onNeedPrivacyAuthorization as unknown as (
    listener: (resolve: (answer: object) => void, event: object) => void,
  ) => void
  listen((resolve, event) => {
    told()
    resolve({ event: 'exposureAuthorization' })
    resolve({ event: 'disagree' })
    expect(event).toEqual({ referrer: 'getPhoneNumber' })
  })
  await tap('[data-id=phone]')
  expect(told()).toEqual([
    'phone {"errno":104,"errMsg":"getPhoneNumber:fail privacy permission is not authorized"}',
  ])

  await tap('[data-id=agree]')
  await tap('[data-id=phone]')
  expect(told()).toEqual([
    'agreePrivacyAuthorization:ok',
    'phone {"code":"phone-code","errMsg":"getPhoneNumber:ok"}',
  ])
  expect(await wx().getPrivacySetting()).toMatchObject({ needAuthorization: false })
})

test('a page is shared from its button and from the menu', async () => {
  await tap('[data-id=share]')
  await pressButton('更多')
  await pressButton('转发给朋友')

  const [byButton, byMenu] = told().map((line) => JSON.parse(line.replace('shared ', '')))
  expect(byButton).toMatchObject({ title: '来看', path: 'pages/home/home?from=buttonshare' })
  expect(byMenu.path).toBe('pages/home/home?from=menu')
  expect(byMenu.link).toMatch(/\/\?font-scale=1\.75#\/pages\/home\/home\?from=menu$/)
})

test('pulling the page down refreshes it until it says stop', async () => {
  const box = find('[data-id=box]')
  touch(box, 'touchstart', 0, 10)
  touch(box, 'touchmove', 0, 200)
  touch(box, 'touchend', 0, 200)

  expect(told()).toEqual(['pulled'])
  expect(document.querySelector('.mp-pulled')).not.toBeNull()
  await wx().stopPullDownRefresh()
  expect(document.querySelector('.mp-pulled')).toBeNull()
})

test('scrolling tells where the page is and when its end is near', async () => {
  const element = document.querySelector('wx-page') as HTMLElement
  Object.defineProperties(element, { clientHeight: { value: 600 }, scrollHeight: { value: 1000 } })

  await wx().pageScrollTo({ scrollTop: 100, duration: 0 })
  await wx().pageScrollTo({ scrollTop: 400, duration: 0 })

  expect(told()).toEqual(['scrolled 100', 'scrolled 400', 'bottom'])
})

test('the phone tells its font scale, theme and network', async () => {
  const sync = wx() as unknown as Record<string, () => object>

  expect(sync.getAppBaseInfo()).toMatchObject({
    fontSizeScaleFactor: 1.75,
    fontSizeSetting: 28,
    theme: 'light',
  })
  expect(sync.getSystemInfoSync()).toMatchObject({ platform: 'devtools', SDKVersion: '3.9.0' })
  expect(await wx().getNetworkType()).toMatchObject({ networkType: 'wifi' })
})

test('a scanned link is in the launch options as it was written', () => {
  const launch = (wx().getLaunchOptionsSync as unknown as () => object)()

  expect(launch).toMatchObject({ scene: 1011, query: { q: 'https%3A%2F%2Fx.test%2Fa' } })
})

test('losing the network is told', () => {
  const heard: unknown[] = []
  ;(wx().onNetworkStatusChange as unknown as (listener: (value: unknown) => void) => void)((value) =>
    heard.push(value),
  )
  vi.spyOn(navigator, 'onLine', 'get').mockReturnValue(false)

  dispatchEvent(new Event('offline'))
  vi.restoreAllMocks()

  expect(heard).toEqual([{ isConnected: false, networkType: 'none' }])
})

test('canIUse knows what the preview has', () => {
  const canIUse = wx().canIUse as unknown as (schema: string) => boolean

  expect(['request', 'getPrivacySetting', 'button.open-type.share', 'view'].map(canIUse)).toEqual([
    true,
    true,
    true,
    true,
  ])
  expect(canIUse('createCameraContext')).toBe(false)
})

test('what the preview has no host for fails honestly', async () => {
  expect((await refusal(wx().scanCode())).errMsg).toBe('scanCode:fail the preview has no camera')
})
