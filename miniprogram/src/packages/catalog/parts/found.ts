// Search results by kind, each with why it is there and where it leads.
import type { Schemas } from '../../../api/client'
import { say, texts } from '../../../texts/catalog'

export type Hit = Schemas['HitOut']

export interface FoundItem {
  key: string
  title: string
  note: string
  url: string
}

export interface FoundGroup {
  kind: Hit['kind']
  title: string
  items: FoundItem[]
}

/** Groups in the order of their best hit; the server's order stays within a group. */
export function groupsOf(hits: readonly Hit[]): FoundGroup[] {
  const kinds = [...new Set(hits.map((hit) => hit.kind))]
  return kinds.map((kind) => ({
    kind,
    title: texts.search.kinds[kind],
    items: distinct(hits.filter((hit) => hit.kind === kind)).map(itemOf),
  }))
}

/** Paging may tell of one thing twice when the catalogue changes between two pages. */
function distinct(hits: readonly Hit[]): Hit[] {
  return [...new Map(hits.map((hit) => [`${hit.id} ${hit.name}`, hit])).values()]
}

function itemOf(hit: Hit): FoundItem {
  const key = `${hit.kind} ${hit.id} ${hit.name}`
  const url = urlOf(hit)
  // A disease leads to a department, so that is the title, and the disease says why.
  if (hit.kind === 'disease') {
    return { key, url, title: hit.hint, note: say.joined([say.diseaseHint(hit.name), hit.hospital_name]) }
  }
  const hospital = hit.kind === 'hospital' ? '' : hit.hospital_name
  return { key, url, title: hit.name, note: say.joined([hit.hint, hospital]) }
}

function urlOf(hit: Hit): string {
  if (hit.kind === 'hospital') return `/packages/catalog/hospital/hospital?id=${hit.id}`
  if (hit.kind === 'doctor') return `/packages/catalog/doctor/doctor?id=${hit.id}`
  return `/packages/catalog/department/department?id=${hit.id}&hospital=${hit.hospital_id}`
}
