// Logging in, registering and adding a patient: what is sent, what is refused where, and the way back.
import { beforeEach, expect, test } from 'vitest'
import { openPage } from './page'
import { type Answered, placeWx, type Sent } from './wx'

const consentTexts = [
  { kind: 'privacy', version: 2, title: '隐私政策', body: '', sha256: '' },
  { kind: 'service', version: 1, title: '服务协议', body: '', sha256: '' },
  { kind: 'sensitive_personal_information', version: 3, title: '单独同意书', body: '', sha256: '' },
  { kind: 'child_sensitive', version: 1, title: '监护人同意书', body: '', sha256: '' },
]
const account = { id: 'a1', username: 'zhangsan', phone: '138****8000', created_at: '' }
type Page = Record<string, (...given: unknown[]) => Promise<void>>

let answers: Record<string, Answered>
let world: ReturnType<typeof placeWx>

function answer({ method, url }: Sent): Answered {
  return answers[`${method} ${url}`] ?? { status: 404, data: { code: 'not-found', title: '没有找到' } }
}

beforeEach(() => {
  answers = { 'GET /api/v1/consent-texts': { data: { items: consentTexts } } }
  world = placeWx(answer)
  Object.assign(globalThis, { getCurrentPages: () => [] })
})

const settle = () => new Promise((resolve) => setTimeout(resolve, 5))
const sent = (url: string) => world.log.filter((one) => one.method === 'POST' && one.url === url)

async function openLogin() {
  const page = await openPage<Page>(() => import('../src/packages/account/login/login'))
  page.onLoad({ back: encodeURIComponent('/pages/home/home') })
  await settle()
  return page
}

test('nobody is logged in before the texts are ticked', async () => {
  const page = await openLogin()
  expect(page.data.ticked).toEqual([])
  await page.onLogIn()
  expect(page.data.wrong.consent).toBeTruthy()
  expect(sent('/api/v1/logins')).toEqual([])
})

test('a login by WeChat tells the ticked versions and offers to link a phone where there is none', async () => {
  answers['POST /api/v1/logins'] = { status: 201, data: { token: 't', account: { ...account, phone: null } } }
  answers['POST /api/v1/consents'] = { status: 201, data: { items: [] } }
  const page = await openLogin()
  page.onTicks({ detail: { kinds: ['privacy', 'service'] } })
  await page.onLogIn()
  expect(sent('/api/v1/consents').map(({ data }) => data)).toEqual([
    { kind: 'privacy', version: 2 },
    { kind: 'service', version: 1 },
  ])
  expect(page.data.isLinking).toBe(true)
  expect(world.routes).toEqual([])
  page.onLater()
  expect(world.routes).toEqual(['tab /pages/home/home'])
})

test('agreement that does not reach the server is kept and told at the next start', async () => {
  answers['POST /api/v1/logins'] = { status: 201, data: { token: 't', account } }
  const page = await openLogin()
  page.onTicks({ detail: { kinds: ['privacy', 'service'] } })
  await page.onLogIn()
  expect(world.routes).toEqual(['tab /pages/home/home'])
  answers['POST /api/v1/consents'] = { status: 201, data: { items: [] } }
  const { tellAgreed } = await import('../src/parts/consents')
  await tellAgreed()
  expect(sent('/api/v1/consents').at(-1)?.data).toEqual({ kind: 'service', version: 1 })
  expect(world.storage.has('agreed')).toBe(false)
})

test('a wrong password stands at its field in the words of the server', async () => {
  answers['POST /api/v1/logins'] = {
    status: 401,
    data: { code: 'login-refused', title: '用户名或密码不正确' },
  }
  const page = await openLogin()
  page.onWay({ detail: { value: 'password' } })
  page.setData({ username: 'zhangsan', password: 'nope' })
  page.onTicks({ detail: { kinds: ['privacy', 'service'] } })
  await page.onLogIn()
  expect(page.data.wrong).toEqual({ password: '用户名或密码不正确' })
  expect(world.storage.has('login-token')).toBe(false)
})

test('the form of the registration says at each field what is missing', async () => {
  const page = await openPage<Page>(() => import('../src/packages/account/register/register'))
  page.onLoad({})
  await settle()
  await page.onRegister()
  expect(Object.keys(page.data.wrong)).toEqual(['phone', 'code', 'username', 'password', 'consent'])
  expect(world.log.every(({ method }) => method === 'GET')).toBe(true)
})

async function openPatient() {
  world.storage.set('login-token', 't').set('login-kind', 'password')
  answers['GET /api/v1/consents'] = { data: { items: [] } }
  answers['GET /api/v1/patients'] = { data: { items: [] } }
  const page = await openPage<Page>(() => import('../src/packages/account/patient/patient'))
  Object.assign(globalThis.wx, { setNavigationBarTitle: () => undefined, showToast: () => undefined })
  page.onLoad({})
  await page.onShow()
  return page
}

const type = (page: Page, fields: Record<string, string>) => {
  for (const [field, value] of Object.entries(fields)) {
    page.onField({ currentTarget: { dataset: { field } }, detail: { value } })
  }
}
const grownUp = { name: '张三', documentNumber: '11010519491231002X', phone: '13800138000' }

test('the number of a resident is read on the spot, and consent is asked for once', async () => {
  const page = await openPatient()
  type(page, grownUp)
  expect(page.data.numberNote).toContain('1949年12月31日出生 · 女')
  expect(page.data.relation).toBe('self')
  expect(page.data.agreements.map(({ kind }: { kind: string }) => kind)).toEqual([
    'sensitive_personal_information',
  ])
  await page.onAdd()
  expect(page.data.wrong).toEqual({ consent: expect.any(String) })
  expect(sent('/api/v1/patients')).toEqual([])
})

test('a second try of the same form carries the same key, another form another', async () => {
  answers['POST /api/v1/patients'] = {
    status: 422,
    data: { code: 'identity-not-verified', title: '核对不一致' },
  }
  const page = await openPatient()
  type(page, grownUp)
  page.onTicks({ detail: { kinds: ['sensitive_personal_information'] } })
  await page.onAdd()
  expect(page.data.wrong).toEqual({ documentNumber: '核对不一致' })
  await page.onAdd()
  type(page, { name: '张四' })
  await page.onAdd()
  const [first, second, third] = sent('/api/v1/patients').map(({ header }) => header['idempotency-key'])
  expect(second).toBe(first)
  expect(third).not.toBe(first)
  expect(sent('/api/v1/patients')[0].data).toMatchObject({
    consents: [{ kind: 'sensitive_personal_information', version: 3 }],
    guardian_patient_id: null,
  })
})

test('a child is asked for a guardian and for the consent of the guardian', async () => {
  const page = await openPatient()
  page.setData({ documentType: 'passport' })
  type(page, { name: '张小宝', documentNumber: 'E12345678', birthDigits: '20200301', sex: 'female' })
  expect(page.data.needs).toEqual({ guardian: true, childConsent: true })
  expect(page.data.guardians).toEqual([])
  expect(page.data.agreements.map(({ kind }: { kind: string }) => kind)).toContain('child_sensitive')
})
