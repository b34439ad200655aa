// Correcting one's own patient: what is found before it is sent, what is sent, where a refusal stands.
import { beforeEach, expect, test } from 'vitest'
import { bodyOf, findWrong, type Correction } from '../src/parts/correction'
import { makePatient } from './booking/made'
import { openPage } from './page'
import { type Answered, placeWx, type Sent } from './wx'

type Page = Record<string, (...given: unknown[]) => Promise<void>>
const patient = makePatient({
  id: 'p1',
  name: '张三',
  document_type: 'passport',
  birth_date: '1949-12-31',
  sex: 'female',
})
const form: Correction = { what: 'name', name: '张山', documentType: 'passport', documentNumber: '' }
const card = { ...form, what: 'document' as const, documentType: 'resident_id' as const }
const url = '/api/v1/patients/p1/correction'

let answers: Record<string, Answered>
let world: ReturnType<typeof placeWx>

beforeEach(() => {
  answers = { 'GET /api/v1/patients': { data: { items: [patient] } } }
  world = placeWx(({ method, url }: Sent) => answers[`${method} ${url}`] ?? { status: 404, data: {} })
  world.storage.set('login-token', 't').set('login-kind', 'password')
})

async function open(id = 'p1') {
  const page = await openPage<Page>(() => import('../src/packages/account/correction/correction'))
  Object.assign(globalThis.wx, {
    showToast: () => undefined,
    showModal: ({ content }: { content: string }) => {
      world.routes.push(`says ${content}`)
      return Promise.resolve({ confirm: false })
    },
  })
  page.onLoad({ id })
  await page.onShow()
  return page
}
const sent = () => world.log.filter((one) => one.url === url).map(({ data }) => data)

test('only what shall be another value is sent', () => {
  expect(bodyOf({ ...form, documentNumber: 'E12345678' })).toEqual({ name: '张山' })
  expect(bodyOf({ ...card, documentNumber: '11010519491231002x' })).toEqual({
    document_type: 'resident_id',
    document_number: '11010519491231002X',
  })
})

test('a name that stays the same, or is none, is not sent', () => {
  expect(findWrong(form, patient)).toEqual({})
  expect(findWrong({ ...form, name: ' 张三 ' }, patient).name).toContain('相同')
  expect(findWrong({ ...form, name: '张' }, patient).name).toContain('姓名')
})

test('a number that tells of another birth date or sex leads to the desk', () => {
  expect(findWrong({ ...card, documentNumber: '11010519491231002X' }, patient)).toEqual({})
  const born = findWrong(
    { ...card, documentNumber: '11010519491231002X' },
    { ...patient, birth_date: '1950-01-01' },
  )
  const male = findWrong({ ...card, documentNumber: '11010519491231002X' }, { ...patient, sex: 'male' })
  expect([born, male].map(({ documentNumber }) => documentNumber?.includes('医院窗口'))).toEqual([true, true])
  expect(findWrong({ ...card, documentNumber: '110105194912310021' }, patient).documentNumber).toContain(
    '校验码',
  )
})

test('a corrected name is sent, and the page closes', async () => {
  answers[`POST ${url}`] = { data: { ...patient, name: '张山' } }
  const page = await open()
  expect(page.data.name).toBe('张三')
  await page.onCorrect()
  expect([Object.keys(page.data.wrong), sent()]).toEqual([['name'], []])
  page.setData({ name: '张山' })
  await page.onCorrect()
  expect(sent()).toEqual([{ name: '张山' }])
  expect(world.routes).toEqual(['tab /pages/mine/mine'])
})

test('what the authority does not confirm stands at the field that was corrected', async () => {
  answers[`POST ${url}`] = { status: 422, data: { code: 'identity-not-verified', title: '核对不一致' } }
  const page = await open()
  page.setData({ name: '张山' })
  await page.onCorrect()
  expect(page.data.wrong).toEqual({ name: '核对不一致' })
  page.setData({ what: 'document', documentType: 'passport', documentNumber: 'E12345678' })
  await page.onCorrect()
  expect(page.data.wrong).toEqual({ documentNumber: '核对不一致' })
  expect(world.routes).toEqual([])
})

test('whom only a desk may correct is told so in a dialog, and nothing is lost', async () => {
  answers[`POST ${url}`] = { status: 409, data: { code: 'correction-needs-desk', title: '请到窗口更正' } }
  const page = await open()
  page.setData({ name: '张山' })
  await page.onCorrect()
  expect(world.routes).toEqual(['says 请到窗口更正'])
  expect([page.data.name, page.data.isBusy]).toEqual(['张山', false])
})

test('what is typed stays when the page is shown again', async () => {
  const page = await open()
  page.setData({ name: '张山' })
  await page.onShow()
  expect(page.data.name).toBe('张山')
})

test('a patient who is gone is said to be', async () => {
  expect((await open('p9')).data.state).toBe('empty')
})
