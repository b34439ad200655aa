// Hospitals as a list shows them.
import type { Schemas } from '../api/client'
import { say, texts } from '../texts/catalog'

type Hospital = Schemas['ListedHospitalOut']

export interface HospitalItem {
  id: string
  name: string
  note: string
  address: string
  distance: string
}

/** 三级甲等 · 综合医院 */
export function kindText({ level, kind }: Pick<Hospital, 'level' | 'kind'>): string {
  return say.joined([level, texts.home.kind[kind]])
}

/** 800 米, 3.2 公里; nothing when the place of one of the two is unknown. */
export function distanceText(metres: number | null): string {
  if (metres === null) return ''
  if (metres < 950) return say.metres(Math.max(100, Math.round(metres / 100) * 100))
  return say.kilometres(
    metres < 10_000 ? (Math.round(metres / 100) / 10).toFixed(1) : String(Math.round(metres / 1000)),
  )
}

export function hospitalItem(hospital: Hospital): HospitalItem {
  const { id, name, address, distance_m } = hospital
  return { id, name, address, note: kindText(hospital), distance: distanceText(distance_m) }
}
