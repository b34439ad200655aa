/** The App: its lifecycle, and how the program was opened. */
import { addressed } from './address'
import { news } from './answer'
import type { Authored } from './easel'
import { onError, report } from './lifecycle'
import { program } from './program'
import { parse, router } from './router'

export interface LaunchOptions {
  path: string
  query: Record<string, string>
  scene: number
  shareTicket?: string
  referrerInfo: object
}

const BY_ICON = 1001
/** Parts of the address's query, and the scenes that they stand for. */
const CODES: Record<string, number> = { scene: 1047, q: 1011 }

type Definition = Record<string, Authored>

let instance: Definition = {}
let launched: LaunchOptions = { path: '', query: {}, scene: BY_ICON, referrerInfo: {} }

export const shown = news<LaunchOptions>()
export const hidden = news<void>()
export const notFound = news<{ path: string; query: Record<string, string>; isEntryPage: boolean }>()

export function App(definition: Definition): void {
  instance = definition
}

export function getApp(): Definition {
  return instance
}

export function launchOptions(): LaunchOptions {
  return launched
}

function call(name: string, argument?: unknown): void {
  try {
    instance[name]?.(argument)
  } catch (error) {
    report(error, `App ${name}`)
  }
}

/** What a scanned code put into the address: `?scene=` of a mini program code, `?q=` of a plain link. WeChat leaves both encoded. */
function scanned(): { query: Record<string, string>; scene: number } {
  const { options } = parse(location.search)
  for (const [name, scene] of Object.entries(CODES)) {
    if (options[name]) return { query: { [name]: options[name] }, scene }
  }
  return { query: {}, scene: BY_ICON }
}

/** The page is in the hash; the first page of the program when none is named. */
function readAddress(): { options: LaunchOptions; missing: boolean } {
  const { route, options } = parse(`/${addressed()}`)
  const known = program.config.pages.includes(route)
  const code = scanned()
  const path = known ? route : program.home()
  const query = { ...(known && options), ...code.query }
  return { options: { path, query, scene: code.scene, referrerInfo: {} }, missing: !known && route !== '' }
}

function listenToVisibility(): void {
  document.addEventListener('visibilitychange', () => {
    const page = router.current()
    if (document.hidden) {
      page?.hide()
      call('onHide')
      hidden.tell()
      return
    }
    call('onShow', launched)
    shown.tell(launched)
    page?.show()
  })
}

function listenToErrors(): void {
  onError((error) => call('onError', error))
  addEventListener('unhandledrejection', (e) =>
    call('onUnhandledRejection', { reason: e.reason, promise: e.promise }),
  )
}

export async function launch(): Promise<void> {
  const { options, missing } = readAddress()
  launched = options
  listenToErrors()
  program.onThemeChange(() => call('onThemeChange', { theme: program.theme() }))
  call('onLaunch', launched)
  call('onShow', launched)
  shown.tell(launched)
  if (missing) {
    const lost = parse(`/${addressed()}`)
    call('onPageNotFound', { path: lost.route, query: lost.options, isEntryPage: true })
    notFound.tell({ path: lost.route, query: lost.options, isEntryPage: true })
  }
  listenToVisibility()
  await router.start({ route: launched.path, options: launched.query })
}
