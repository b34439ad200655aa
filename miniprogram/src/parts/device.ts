// A device in words, by the user agent that it logged in with.
import { texts } from '../texts/account'

const systems: [RegExp, string][] = [
  [/iPhone/, 'iPhone'],
  [/iPad/, 'iPad'],
  [/HarmonyOS|OpenHarmony/, 'HarmonyOS'],
  [/Android/, 'Android'],
  [/Windows/, 'Windows'],
  [/Mac OS X|Macintosh/, 'Mac'],
  [/Linux/, 'Linux'],
]

export function deviceText(agent: string): string {
  const system = systems.find(([pattern]) => pattern.test(agent))?.[1]
  if (!system) return texts.unknownDevice
  const program = /MicroMessenger/.test(agent) ? texts.weChat : texts.browser
  return `${system} · ${program}`
}
