// Another guardian for a minor: who may be one, what is asked, what is sent, where a refusal stands.
import { beforeEach, expect, test } from 'vitest'
import { guardianChoices } from '../src/parts/guardian'
import { makePatient } from './booking/made'
import { openPage } from './page'
import { type Answered, placeWx, type Sent } from './wx'

type Page = Record<string, (...given: unknown[]) => Promise<void>>
const consent = { kind: 'child_sensitive', version: 2, title: '监护人同意书', body: '', sha256: '' }
const mother = makePatient({ id: 'p1', name: '王芳', birth_date: '1990-03-07' })
const father = makePatient({ id: 'p2', name: '张伟', birth_date: '1988-03-07' })
const child = makePatient({ id: 'p3', name: '张小宝', birth_date: '2020-03-01', guardian_patient_id: 'p1' })
const url = '/api/v1/patients/p3/guardian'

let answers: Record<string, Answered>
let world: ReturnType<typeof placeWx>

beforeEach(() => {
  answers = {
    'GET /api/v1/consent-texts': { data: { items: [consent, { ...consent, kind: 'privacy' }] } },
    'GET /api/v1/patients': { data: { items: [mother, father, child] } },
  }
  world = placeWx(({ method, url }: Sent) => answers[`${method} ${url}`] ?? { status: 404, data: {} })
  world.storage.set('login-token', 't').set('login-kind', 'password')
})

async function open(id = 'p3') {
  const page = await openPage<Page>(() => import('../src/packages/account/guardian/guardian'))
  Object.assign(globalThis.wx, { showToast: () => undefined })
  page.onLoad({ id })
  await page.onShow()
  return page
}
const sent = () => world.log.filter((one) => one.url === url).map(({ data }) => data)

test('only those of full age may be guardians', () => {
  const almost = makePatient({ id: 'p4', name: '张大', birth_date: '2008-12-01' })
  expect(guardianChoices([mother, almost, child], '2026-11-30')).toEqual([{ value: 'p1', text: '王芳' }])
  expect(guardianChoices([almost], '2026-12-01')).toEqual([{ value: 'p4', text: '张大' }])
})

test('the present guardian is named and not offered again; the only other one is chosen', async () => {
  const page = await open()
  expect(page.data.person.guardian).toBe('监护人：王芳')
  expect(page.data.guardians).toEqual([{ value: 'p2', text: '张伟' }])
  expect(page.data.guardian).toBe('p2')
})

test('of a child the new guardian agrees before anything is sent', async () => {
  answers[`POST ${url}`] = { data: { ...child, guardian_patient_id: 'p2' } }
  const page = await open()
  await page.onReplace()
  expect([page.data.wrong.consent, sent()]).toEqual(['请先阅读并勾选同意，再继续', []])
  page.onTicks({ detail: { kinds: ['child_sensitive'] } })
  await page.onReplace()
  expect(sent()).toEqual([{ guardian_patient_id: 'p2', consents: [{ kind: 'child_sensitive', version: 2 }] }])
  expect(world.routes).toEqual(['tab /pages/mine/mine'])
})

test('from fourteen on nobody is asked to agree for them', async () => {
  const minor = { ...child, birth_date: '2011-03-01' }
  answers['GET /api/v1/patients'] = { data: { items: [mother, father, minor] } }
  answers[`POST ${url}`] = { data: minor }
  const page = await open()
  expect(page.data.agreements).toEqual([])
  await page.onReplace()
  expect(sent()).toEqual([{ guardian_patient_id: 'p2', consents: [] }])
})

test('a refusal stands at its field, in the words of the server, and the page stays', async () => {
  answers[`POST ${url}`] = { status: 422, data: { code: 'guardian-unsuitable', title: '监护人须已成年' } }
  const page = await open()
  page.onTicks({ detail: { kinds: ['child_sensitive'] } })
  await page.onReplace()
  expect(page.data.wrong).toEqual({ guardian: '监护人须已成年' })
  expect([page.data.isBusy, world.routes]).toEqual([false, []])
})

test('without another grown-up the way leads to adding one', async () => {
  answers['GET /api/v1/patients'] = { data: { items: [mother, child] } }
  const page = await open()
  expect(page.data.guardians).toEqual([])
  page.onAddGuardian()
  expect(world.routes).toEqual(['to /packages/account/patient/patient'])
})

test('a patient who is gone is said to be', async () => {
  expect((await open('p9')).data.state).toBe('empty')
})
