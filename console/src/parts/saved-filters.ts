// Filters that a person keeps by a name, for one list, in this browser.

export interface SavedFilter {
  name: string
  filters: Record<string, string>
}

const most = 12
const place = (person: string, list: string) => `guahao.filters.${person}.${list}`

export function savedFilters(person: string, list: string): SavedFilter[] {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(place(person, list)) ?? '[]')
    return Array.isArray(kept) ? (kept as SavedFilter[]) : []
  } catch {
    return []
  }
}

/** Keep `filters` under `name`, in place of what had that name. */
export function saveFilter(person: string, list: string, added: SavedFilter): SavedFilter[] {
  const others = savedFilters(person, list).filter(({ name }) => name !== added.name)
  return keep(person, list, [...others, added].slice(-most))
}

export function removeFilter(person: string, list: string, removed: string): SavedFilter[] {
  return keep(
    person,
    list,
    savedFilters(person, list).filter(({ name }) => name !== removed),
  )
}

function keep(person: string, list: string, filters: SavedFilter[]): SavedFilter[] {
  localStorage.setItem(place(person, list), JSON.stringify(filters))
  return filters
}
