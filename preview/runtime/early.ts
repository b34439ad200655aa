/** A script of its own, before all others: asks for what the first page asks for while the program's code is on its way. */
import type { EarlyAnswer } from './ahead'
import type { Early } from './contract'

/** Filled in by the compiler from the configuration. */
declare const __EARLY__: Early[]

const opened = location.hash.replace(/^#\/?/, '').replace(/\?.*/, '')

function isStored(key: string | undefined): boolean {
  try {
    return key !== undefined && localStorage.getItem(`mp:${key}`) !== null
  } catch {
    return false // a browser that keeps nothing
  }
}

/** The body is read at once: who takes the answer has all of it before the first frame is drawn. */
async function withText(response: Response): Promise<Response> {
  const text = await response.text()
  return Object.assign(response, { text: () => Promise.resolve(text) })
}

const answers = new Map<string, EarlyAnswer>()
for (const { page, url, unlessStored } of __EARLY__) {
  if ((opened && opened !== page) || isStored(unlessStored)) continue
  const stop = new AbortController()
  // as wx.request asks for the same
  const headers = { 'content-type': 'application/json' }
  const init: RequestInit = { headers, credentials: 'omit', cache: 'no-store', signal: stop.signal }
  const response = fetch(url, init).then(withText)
  response.catch(() => {}) // told to who takes it
  answers.set(new URL(url, location.href).href, { response, stop })
}
Object.assign(globalThis, { __earlyAnswers: answers })
