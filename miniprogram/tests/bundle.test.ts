// @vitest-environment jsdom
// The whole program as the preview builds it, against a small server: hospitals, a doctor's slots, a refusal to book.
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import { createRequire } from 'node:module'
import os from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { makePatient, makeSession } from './booking/made'

const here = import.meta.dirname
const importBuilt = createRequire(import.meta.url)('./import.cjs') as (address: string) => Promise<unknown>
const folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'miniprogram-')))

/** In a process of its own: esbuild does not run among jsdom's globals. */
function build(): string {
  const own = pathToFileURL(path.resolve(here, '../preview.config.js')).href
  const config = path.join(folder, 'preview.config.mjs')
  const at = (...parts: string[]) => JSON.stringify(path.resolve(here, '..', ...parts))
  fs.writeFileSync(
    config,
    `import own from '${own}'
     export default { root: ${at('src')}, out: 'out', npm: ${at('../dist/miniprogram_npm')}, title: own.title }`,
  )
  const cli = path.resolve(here, '../../preview/compiler/cli.js')
  execFileSync(process.execPath, [cli, 'build', config])
  const main = fs.readdirSync(path.join(folder, 'out')).find((name) => /^main-.*\.js$/.test(name))
  return path.join(folder, 'out', String(main))
}

/** What jsdom leaves out of a browser. */
function completeBrowser(): void {
  const silent = class {
    observe() {}
    unobserve() {}
    disconnect() {}
  }
  Object.assign(globalThis, {
    CSS: { escape: (text: string) => text },
    matchMedia: () => ({ matches: false, addEventListener() {} }),
    IntersectionObserver: silent,
    ResizeObserver: silent,
    fetch: (url: string | URL | Request, init?: RequestInit) => Promise.resolve(answer(String(url), init)),
  })
  Element.prototype.scrollTo = () => undefined
}

const now = Date.parse('2026-11-24T10:00:00+08:00')
const hospital = {
  id: '1',
  name: '云溪示范医院',
  level: '三级甲等',
  kind: 'general',
  city: '云溪市',
  address: '康宁路 1 号',
  distance_m: null,
}
const doctor = {
  id: 'w1',
  name: '林清晏',
  title: '主任医师',
  level: 'expert',
  skills: '哮喘',
  diseases: [],
  intro: '',
  photo_path: null,
  hospital: { id: '1', name: hospital.name },
  departments: [{ id: 'd1', name: '呼吸内科' }],
}
const rules = {
  version: 1,
  effective_from: '2026-01-01',
  rules: {
    hold_min: 15,
    same_day_hold_min: 15,
    cancel_deadline_days_before: 1,
    cancel_deadline_time: null,
    late_cancel_counts: true,
  },
  sentences: ['每天最多约两个号'],
}
const many = (...items: object[]) => ({ items, next_cursor: null })
const answers: [RegExp, object][] = [
  [/\/doctors\/w1\/sessions/, many(makeSession())],
  [/\/doctors\/w1$/, doctor],
  [/\/hospitals\/1\/rules/, rules],
  [/\/hospitals/, many(hospital)],
  [/\/cities/, many({ name: '云溪市', hospitals: 1 })],
  [/\/patients/, many(makePatient())],
  [/\/me$/, { id: 'a', username: 'demo', phone: '154****0001' }],
]
const sent: string[] = []

function answer(url: string, init: RequestInit = {}): Response {
  const method = init.method ?? 'GET'
  sent.push(`${method} ${url.replace(/^https?:\/\/[^/]+/, '')}`)
  const headers = { 'content-type': 'application/json', date: new Date(now).toUTCString() }
  if (method === 'POST') {
    const problem = { code: 'slot-sold-out', title: '这个时段刚被约满，请换一个时段。', status: 409 }
    return new Response(JSON.stringify(problem), { status: 409, headers })
  }
  const body = answers.find(([pattern]) => pattern.test(url))?.[1] ?? many()
  return new Response(JSON.stringify(body), { headers })
}

const screen = () => document.querySelector<HTMLElement>('wx-page:not([hidden])')?.textContent ?? ''
const shows = (words: string) => vi.waitFor(() => expect(screen()).toContain(words), { timeout: 5000 })
const page = () => (globalThis as unknown as { getCurrentPages: () => any[] }).getCurrentPages().at(-1)

function press(words: string): void {
  const buttons = [
    ...document.querySelectorAll<HTMLElement>(
      'wx-page:not([hidden]) [role=button], wx-page:not([hidden]) wx-button',
    ),
  ]
  const found = buttons.find((button) => button.textContent?.includes(words))
  if (!found)
    throw new Error(`no button ${words} among ${buttons.map((button) => button.textContent).join('|')}`)
  found.click()
}

beforeAll(async () => {
  const entry = build()
  completeBrowser()
  localStorage.setItem('mp:$privacy', JSON.stringify({ data: 'agreed' }))
  localStorage.setItem('mp:login-token', JSON.stringify({ data: 'token' }))
  localStorage.setItem('mp:login-kind', JSON.stringify({ data: 'password' }))
  await importBuilt(pathToFileURL(entry).href)
}, 30_000)

afterAll(() => fs.rmSync(folder, { recursive: true, force: true }))

test('the first page lists the hospitals', async () => {
  await shows('云溪示范医院')
  expect(screen()).toContain('三级甲等')
})

test("a doctor's page shows the slots of a day with the places left", async () => {
  await wx.navigateTo({ url: '/packages/catalog/doctor/doctor?id=w1&date=2026-11-26' })
  await shows('09:00')
  expect(screen()).toContain('林清晏')
  expect(screen()).toContain('¥50.00')
})

test("a refusal to book says the server's sentence and offers other slots, and nothing is lost", async () => {
  await wx.navigateTo({ url: '/packages/booking/confirm/confirm?slot=s1&doctor=w1&session=n1' })
  await shows('演示患者甲')
  press('提交并支付')
  await shows('这个时段刚被约满')
  expect(screen()).toContain('09:30–10:00')
  expect(sent.filter((one) => one.startsWith('POST'))).toEqual(['POST /api/v1/appointments'])
  expect(page().data.chosen).toBe('p1')
})
