// How the state of a list stands in the address, only what differs from how the list begins.
import type { LocationQuery, LocationQueryRaw } from 'vue-router'

/** Filters are texts, as the address has them; '' asks for everything. */
export type Filters = Record<string, string>

export interface ListState<F extends Filters> {
  filters: F
  sort: string
  cursor: string
  page: number
}

/** The filters that say something, and where to begin: spread it into the call's query. */
export type ListQuery<F extends Filters> = { [K in keyof F]?: Exclude<F[K], ''> } & {
  sort?: string
  cursor?: string
  limit?: number
}

export function listQuery<F extends Filters>(state: ListState<F>, limit?: number): ListQuery<F> {
  const { filters, sort, cursor } = state
  const said = Object.entries({ ...filters, sort, cursor }).filter(([, value]) => value !== '')
  return { ...Object.fromEntries(said), ...(limit ? { limit } : {}) } as ListQuery<F>
}

const one = (value: LocationQuery[string] | undefined) => (Array.isArray(value) ? value[0] : value)

export function fromAddress<F extends Filters>(
  query: LocationQuery,
  defaults: F,
  sort: string,
): ListState<F> {
  const filters = Object.fromEntries(
    Object.entries(defaults).map(([key, value]) => [key, one(query[key]) ?? value]),
  ) as F
  const page = Number(one(query.page) ?? 1)
  const cursor = one(query.cursor) ?? ''
  return {
    filters,
    sort: one(query.sort) ?? sort,
    cursor,
    page: cursor && Number.isInteger(page) && page > 1 ? page : 1,
  }
}

export function toAddress<F extends Filters>(
  state: ListState<F>,
  defaults: F,
  sort: string,
): LocationQueryRaw {
  const differing = Object.entries(state.filters).filter(([key, value]) => value !== defaults[key])
  return {
    ...Object.fromEntries(differing),
    ...(state.sort === sort ? {} : { sort: state.sort }),
    ...(state.cursor ? { cursor: state.cursor, page: String(state.page) } : {}),
  }
}
