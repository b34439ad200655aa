// A list page's rows: filters, sort and page stand in the address, so that links and the back button work.
import { computed, proxyRefs, ref, toRef, watch } from 'vue'
import { useRoute, useRouter } from 'vue-router'
import { fromAddress, toAddress, type Filters } from './list-address'
import { useLoading } from './loading'
import { useStaff } from './staff'

export type { Filters } from './list-address'

/** The filters that say something, and where to begin: spread it into the call's query. */
export type ListQuery<F extends Filters> = { [K in keyof F]?: Exclude<F[K], ''> } & {
  sort?: string
  cursor?: string
  limit: number
}

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
  const { filters: defaults, sort: firstSort = '', limit = 50 } = asked
  const route = useRoute()
  const router = useRouter()
  const staff = useStaff()
  const own = route.name
  /** The cursors of the pages before this one, the first page's being ''. */
  const trail = ref<string[]>([])
  const state = computed(() => fromAddress(route.query, defaults, firstSort))
  const draft = ref({ ...state.value.filters }) as { value: F }

  const query = computed(() => {
    const said = Object.entries(state.value.filters).filter(([, value]) => value !== '')
    const { sort, cursor } = state.value
    return {
      ...Object.fromEntries(said),
      ...(sort ? { sort } : {}),
      ...(cursor ? { cursor } : {}),
      limit,
    } as ListQuery<F>
  })
  const loading = useLoading((signal) => asked.load(query.value, signal))
  const rows = computed<T[]>(() => loading.content?.items ?? [])
  const total = computed(() => loading.content?.total)
  const nextCursor = computed(() => loading.content?.next_cursor ?? null)

  watch(
    () => JSON.stringify(query.value),
    () => {
      if (route.name !== own) return
      draft.value = { ...state.value.filters }
      void loading.refresh()
    },
  )
  watch(
    () => staff.hospitalId,
    () => (state.value.cursor ? go({ cursor: '', page: 1 }) : loading.refresh()),
  )

  function go(change: Partial<{ filters: F; sort: string; cursor: string; page: number }>): Promise<unknown> {
    return router.push({ query: toAddress({ ...state.value, ...change }, defaults, firstSort) })
  }
  /** Ask with the filters as they stand in the row, from the first page. */
  function search(): Promise<unknown> {
    trail.value = []
    const isSame = JSON.stringify(draft.value) === JSON.stringify(state.value.filters) && !state.value.cursor
    return isSame ? loading.refresh() : go({ filters: { ...draft.value }, cursor: '', page: 1 })
  }
  function filter(values: Partial<F>): Promise<unknown> {
    draft.value = { ...draft.value, ...values }
    return search()
  }
  function reset(): Promise<unknown> {
    draft.value = { ...defaults }
    return search()
  }
  function sortBy(field: string): Promise<unknown> {
    trail.value = []
    return go({ sort: state.value.sort === field ? `-${field}` : field, cursor: '', page: 1 })
  }
  function forward(): Promise<unknown> | undefined {
    if (nextCursor.value === null) return undefined
    trail.value.push(state.value.cursor)
    return go({ cursor: nextCursor.value, page: state.value.page + 1 })
  }
  function back(): Promise<unknown> {
    const before = trail.value.length === state.value.page - 1 ? trail.value.pop() : undefined
    if (before !== undefined) return go({ cursor: before, page: state.value.page - 1 })
    trail.value = []
    return go({ cursor: '', page: 1 })
  }

  return proxyRefs({
    key: asked.key,
    /** What the filter row is bound to; `search` asks with it. */
    draft,
    /** What the rows were asked with, without sort and page: for exports. */
    filters: computed(() => {
      const { sort: _sort, cursor: _cursor, limit: _limit, ...said } = query.value
      return said
    }),
    isFiltered: computed(() => JSON.stringify(state.value.filters) !== JSON.stringify(defaults)),
    rows,
    total,
    page: computed(() => state.value.page),
    sort: computed(() => state.value.sort),
    hasNext: computed(() => nextCursor.value !== null),
    isLoading: toRef(loading, 'isLoading'),
    isLoaded: computed(() => loading.content !== null),
    problem: toRef(loading, 'problem'),
    refresh: loading.refresh,
    search,
    filter,
    reset,
    sortBy,
    forward,
    back,
  })
}

export type List = ReturnType<typeof useList<Filters, unknown>>
