// A list page's rows: filters, sort and page stand in the address, so that links and the back button work.
import { computed, proxyRefs, ref, toRef, watch, type Ref } from 'vue'
import { listQuery, type Filters, type ListQuery } from './list-address'
import { useListPlace, type ListPlace } from './list-place'
import { useLoading } from './loading'

export type { Filters, ListQuery } from './list-address'

interface Answer<T> {
  items: T[]
  next_cursor?: string | null
  total?: number | null
}

interface Asked<F extends Filters, T> {
  /** Names the list, for saved filters; once in the console. */
  key: string
  load: (query: ListQuery<F>, signal: AbortSignal) => Promise<Answer<T>>
  /** Each filter with the value it has at first: '' asks for everything. */
  filters: F
  /** A field, or `-field` for the largest first. */
  sort?: string
  limit?: number
}

export function useList<F extends Filters, T>(asked: Asked<F, T>) {
  const { filters: defaults, limit = 50 } = asked
  const place = useListPlace(defaults, asked.sort ?? '')
  const { state } = place
  const draft = ref({ ...state.value.filters }) as Ref<F>
  const query = computed(() => listQuery(state.value, limit))
  const loading = useLoading((signal) => asked.load(query.value, signal))
  const nextCursor = computed(() => loading.content?.next_cursor ?? null)

  function follow(): void {
    if (!place.isHere()) return
    draft.value = { ...state.value.filters }
    void loading.refresh()
  }
  watch(() => JSON.stringify(query.value), follow)

  return proxyRefs({
    key: asked.key,
    /** What the filter row is bound to; `search` asks with it. */
    draft,
    /** What the rows were asked with, without sort and page: for exports. */
    filters: computed(() => listQuery({ ...state.value, sort: '', cursor: '' })),
    isFiltered: computed(() => JSON.stringify(state.value.filters) !== JSON.stringify(defaults)),
    rows: computed<T[]>(() => loading.content?.items ?? []),
    /** null when there are more than the server counts, undefined when it does not count. */
    total: computed(() => loading.content?.total),
    page: computed(() => state.value.page),
    /** A field, or `-field`. */
    sort: computed(() => state.value.sort),
    hasNext: computed(() => nextCursor.value !== null),
    ...progress(loading),
    ...asking(place, draft, defaults, loading.refresh),
    sortBy: place.sortBy,
    /** Nothing while rows are on their way: where the next page begins is not known yet. */
    forward: () =>
      nextCursor.value === null || loading.isLoading ? undefined : place.forward(nextCursor.value),
    back: place.back,
  })
}

function progress(loading: {
  content: unknown
  problem: unknown
  isLoading: boolean
  refresh: () => Promise<void>
}) {
  return {
    isLoading: toRef(loading, 'isLoading'),
    isLoaded: computed(() => loading.content !== null),
    problem: toRef(loading, 'problem'),
    refresh: loading.refresh,
  }
}

function asking<F extends Filters>(
  place: ListPlace<F>,
  draft: Ref<F>,
  defaults: F,
  refresh: () => Promise<void>,
) {
  const same = (one: F, other: F) => JSON.stringify(one) === JSON.stringify(other)

  /** Ask with the filters as they stand in the row, from the first page. */
  function search(): Promise<unknown> {
    const { filters, cursor } = place.state.value
    return same(draft.value, filters) && !cursor ? refresh() : place.begin({ ...draft.value })
  }
  function filter(values: Partial<F>): Promise<unknown> {
    draft.value = { ...draft.value, ...values }
    return search()
  }
  function reset(): Promise<unknown> {
    return filter(defaults)
  }
  return { search, filter, reset }
}

export type List = ReturnType<typeof useList<Filters, unknown>>
