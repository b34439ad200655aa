// A page without a framework: what Page() was given, with setData as WeChat's does it.
import { vi } from 'vitest'

type Definition = { data: Record<string, unknown> } & Record<string, unknown>

/** Loads a page's module afresh; its handlers can be called as WeChat would; it is the page on the screen. */
export async function openPage<T>(load: () => Promise<unknown>): Promise<T & { data: any }> {
  let definition: Definition = { data: {} }
  Object.assign(globalThis, { Page: (given: Definition) => (definition = given) })
  vi.resetModules()
  await load()
  const page = { ...definition, data: structuredClone(plain(definition.data)), setData }
  Object.assign(globalThis, { getCurrentPages: () => [page] })
  return page as unknown as T & { data: any }
}

/** Texts may hold functions, which do not cross to a page's view. */
function plain(data: Record<string, unknown>): Record<string, unknown> {
  return JSON.parse(JSON.stringify(data)) as Record<string, unknown>
}

function setData(this: { data: any }, changes: Record<string, unknown>): void {
  for (const [path, value] of Object.entries(changes)) {
    const keys = path.replace(/\[(\d+)\]/g, '.$1').split('.')
    const last = keys.pop()!
    keys.reduce((at, key) => at[key], this.data)[last] = value
  }
}
