// A device in words, from what its browser says of itself.
import { texts } from '@/texts/login'

const browsers: [RegExp, string][] = [
  [/Edg\//, 'Edge'],
  [/OPR\//, 'Opera'],
  [/Firefox\//, 'Firefox'],
  [/Chrome\//, 'Chrome'],
  [/Safari\//, 'Safari'],
]
const systems: [RegExp, string][] = [
  [/Windows/, 'Windows'],
  [/Android/, 'Android'],
  [/iPhone|iPad/, 'iOS'],
  [/Mac OS X/, 'macOS'],
  [/Linux/, 'Linux'],
]

/** Browser and system; null where the browser says neither. */
export function deviceOf(agent: string): { browser: string; system: string } | null {
  const named = (list: [RegExp, string][]) => list.find(([mark]) => mark.test(agent))?.[1]
  const browser = named(browsers)
  const system = named(systems)
  return browser && system ? { browser, system } : null
}

/** How a device is called in lists; what is no browser by its own name. */
export function deviceText(agent: string): string {
  const found = deviceOf(agent)
  return found ? texts.devices.on(found.browser, found.system) : agent || texts.devices.unknown
}
