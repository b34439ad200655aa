/** Small programs that the compiler builds and the runtime opens in jsdom; one per test file, as one browser page holds one program. */
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import { createRequire } from 'node:module'
import os from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll } from 'vitest'

type Files = Record<string, string | object>
type Wx = Record<string, (options?: object) => Promise<Record<string, unknown>>>

interface Instance {
  route: string
  data: Record<string, unknown>
  [member: string]: unknown
}

const globals = globalThis as unknown as Record<string, unknown>

/** What a program of a test has told: `log.push('page onLoad')`. */
export const log: string[] = []
globals.log = log

/** What jsdom leaves out of a browser. */
function completeBrowser(): void {
  globals.CSS ??= { escape: (text: string) => text }
  globals.matchMedia ??= () => ({ matches: false, addEventListener() {} })
  globals.IntersectionObserver ??= class {
    observe() {}
    disconnect() {}
  }
  Element.prototype.scrollTo = function (this: Element, to?: unknown) {
    const { top = this.scrollTop, left = this.scrollLeft } = (to ?? {}) as ScrollToOptions
    Object.assign(this, { scrollTop: top, scrollLeft: left })
    this.dispatchEvent(new Event('scroll'))
  } as Element['scrollTo']
}

const importBuilt = createRequire(import.meta.url)('./import.cjs') as (address: string) => Promise<unknown>
const CLI = path.resolve(import.meta.dirname, '../../compiler/cli.js')

/** In a process of its own: esbuild does not run among jsdom's globals. */
function compile(folder: string, withHost: boolean): string {
  const config = path.join(folder, 'preview.config.mjs')
  const host = withHost ? ", host: 'host.ts'" : ''
  fs.writeFileSync(config, `export default { root: 'src', out: 'out'${host} }`)
  execFileSync(process.execPath, [CLI, 'build', config])
  const main = fs.readdirSync(path.join(folder, 'out')).find((name) => /^main-.*\.js$/.test(name))
  return path.join(folder, 'out', String(main))
}

function write(folder: string, files: Files): void {
  for (const [name, content] of Object.entries(files)) {
    const file = path.join(folder, name)
    fs.mkdirSync(path.dirname(file), { recursive: true })
    fs.writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content))
  }
}

/** Builds and opens a program; `hash` and `search` are those of the address. */
export async function open(files: Files, { hash = '', search = '', host = '' } = {}): Promise<void> {
  const folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'preview-')))
  afterAll(() => fs.rmSync(folder, { recursive: true, force: true }))
  write(path.join(folder, 'src'), files)
  write(folder, { 'host.ts': host })
  completeBrowser()
  history.replaceState(null, '', `/${search}${hash}`)
  await importBuilt(pathToFileURL(compile(folder, host !== '')).href)
  await settled()
}

/** Long enough for a layout, a step in the history and what follows from them. */
export function settled(ms = 80): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

/** What was told since the last time. */
export function told(): string[] {
  return log.splice(0)
}

export function wx(): Wx {
  return globals.wx as Wx
}

export function stack(): string[] {
  return pages().map((page) => page.route)
}

export function pages(): Instance[] {
  return (globals.getCurrentPages as () => Instance[])()
}

export function top(): Instance {
  return pages().at(-1) as Instance
}

/** An element of the page that is shown, or of what lies over it. */
export function find<T extends HTMLElement>(selector: string): T {
  const shown = document.querySelector<T>(`wx-page:not([hidden]) ${selector}`)
  const found = shown ?? document.querySelector<T>(selector)
  if (!found) throw new Error(`nothing like ${selector}`)
  return found
}

export function touch(element: Element, type: string, clientX = 0, clientY = 0): Event {
  const point = { identifier: 1, clientX, clientY }
  const touches = type === 'touchend' ? [] : [point]
  const event = new Event(type, { bubbles: true, cancelable: true, composed: true })
  element.dispatchEvent(Object.assign(event, { touches, changedTouches: [point] }))
  return event
}

/** A finger comes down and goes up again. */
export async function tap(selector: string): Promise<void> {
  const element = find(selector)
  touch(element, 'touchstart')
  touch(element, 'touchend')
  await settled()
}

export function key(element: Element, name: string, options: KeyboardEventInit = {}): void {
  element.dispatchEvent(
    new KeyboardEvent('keydown', { key: name, bubbles: true, cancelable: true, ...options }),
  )
}

/** A button of the bars or of a dialog, by its name. */
export function pressButton(name: string): Promise<void> {
  const buttons = Array.from(document.querySelectorAll<HTMLElement>('button'))
  const found = buttons.find((button) => (button.getAttribute('aria-label') ?? button.textContent) === name)
  if (!found) throw new Error(`no button ${name}`)
  found.click()
  return settled()
}

/** What a refused API tells. */
export function refusal(answer: Promise<unknown>): Promise<{ errMsg: string } & Record<string, unknown>> {
  return answer.then(
    () => {
      throw new Error('not refused')
    },
    (error) => error,
  )
}

/** A page or component that tells its lifecycle; `more` is put into it. */
export function teller(name: string, more = ''): string {
  const hooks = 'onShow onReady onHide onUnload'.split(' ')
  const members = hooks.map((hook) => `${hook}() { log.push('${name} ${hook}') },`)
  return `Page({ onLoad(options) { log.push('${name} onLoad ' + JSON.stringify(options)) }, ${members.join(' ')} ${more} })`
}

/** The files of a page. */
export function page(route: string, wxml = '<view />', script = 'Page({})', json: object = {}): Files {
  return { [`${route}.wxml`]: wxml, [`${route}.ts`]: script, [`${route}.json`]: json }
}
