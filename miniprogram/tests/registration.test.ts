import { expect, test } from 'vitest'
import { openPage } from './page'
import { placeWx, type Sent } from './wx'

interface RegistrationPage {
  onShow(): void
  onChange(): void
  onHospital(event: { currentTarget: { dataset: { id: string; name: string } } }): void
  onWords(event: { detail: { value: string } }): void
  onSearchAll(): void
}

const hospital = { id: '1', name: '示范医院', level: '', kind: 'general', address: '', distance_m: null }
const department = {
  id: 'e',
  name: '儿科',
  place: '',
  children: [],
  sex_limit: null,
  min_age_years: 0,
  max_age_years: 200,
}

function answer({ url }: Sent) {
  if (url === '/api/v1/hospitals') return { data: { items: [hospital], next_cursor: null } }
  if (url === '/api/v1/hospitals/1/departments') return { data: { items: [department] } }
  return { status: 404, data: { code: 'not-found', title: '没有找到' } }
}
const settled = () => new Promise((resolve) => setTimeout(resolve, 20))

async function open(remembered?: { id: string; name: string }) {
  const placed = placeWx(answer)
  if (remembered) placed.storage.set('hospital', remembered)
  const page = await openPage<RegistrationPage>(() => import('../src/pages/registration/registration'))
  page.onShow()
  await settled()
  return { ...placed, page }
}

test('at first one chooses a hospital, and it is remembered', async () => {
  const { page, storage } = await open()
  expect(page.data).toMatchObject({ hospital: null, state: 'ready' })
  expect(page.data.hospitals).toHaveLength(1)

  page.onHospital({ currentTarget: { dataset: { id: '1', name: '示范医院' } } })
  await settled()

  expect(storage.get('hospital')).toEqual({ id: '1', name: '示范医院' })
  expect(page.data.groups[0].leaves[0].name).toBe('儿科')
})

test('the hospital chosen last opens with its departments', async () => {
  const { page } = await open({ id: '1', name: '示范医院' })

  expect(page.data.hospital.name).toBe('示范医院')
  expect(page.data.groups).toHaveLength(1)
})

test('a remembered hospital that is gone leads back to the choice', async () => {
  const { page } = await open({ id: '9', name: '搬走的医院' })

  expect(page.data).toMatchObject({ hospital: null, state: 'ready' })
  expect(page.data.hospitals).toHaveLength(1)
})

test('words that match no department can be searched for everywhere', async () => {
  const { page, routes } = await open({ id: '1', name: '示范医院' })

  page.onWords({ detail: { value: '发烧' } })
  expect(page.data.found).toEqual([])
  page.onSearchAll()

  expect(routes).toEqual([`to /packages/catalog/search/search?q=${encodeURIComponent('发烧')}`])
})
