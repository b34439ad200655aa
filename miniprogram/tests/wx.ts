// WeChat as far as the tests ask of it: storage, routes, and a server that answers by a function.

export interface Sent {
  method: string
  url: string
  header: Record<string, string>
  data: unknown
}
export interface Answered {
  status?: number
  data?: unknown
  header?: Record<string, string>
}

/** Puts a `wx` in place; `answer` may throw, which is no network. Its log keeps what was asked. */
export function placeWx(answer: (sent: Sent) => Answered | Promise<Answered>) {
  const storage = new Map<string, unknown>()
  const log: Sent[] = []
  const routes: string[] = []
  const go = (kind: string) => (given: { url?: string; delta?: number }) => {
    routes.push(`${kind} ${given.url ?? given.delta ?? ''}`.trim())
    return Promise.resolve()
  }
  const world = {
    fontSizeScaleFactor: 1,
    loginCode: 'code-of-weixin',
    getAccountInfoSync: () => ({ miniProgram: { appId: 'preview', envVersion: 'develop' } }),
    getAppBaseInfo: () => ({ fontSizeScaleFactor: world.fontSizeScaleFactor }),
    getStorageSync: (key: string) => storage.get(key) ?? '',
    setStorageSync: (key: string, value: unknown) => void storage.set(key, value),
    removeStorageSync: (key: string) => void storage.delete(key),
    login: () => Promise.resolve({ code: world.loginCode }),
    navigateTo: go('to'),
    redirectTo: go('instead'),
    switchTab: go('tab'),
    navigateBack: go('back'),
    request(given: Sent & { success: (r: object) => void; fail: (r: object) => void }) {
      const sent = { method: given.method, url: given.url, header: { ...given.header }, data: given.data }
      log.push(sent)
      void (async () => answer(sent))().then(
        ({ status = 200, data = {}, header = {} }) => given.success({ statusCode: status, data, header }),
        (error: Error) => given.fail({ errMsg: `request:fail ${error.message}` }),
      )
    },
  }
  Object.assign(globalThis, { wx: world, Behavior: (definition: object) => definition })
  return { world, storage, log, routes }
}
