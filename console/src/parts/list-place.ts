// Where one is in a list, and the ways to other places of it; each is an address of its own.
import { computed, ref, type ComputedRef } from 'vue'
import { useRoute, useRouter } from 'vue-router'
import { fromAddress, toAddress, type Filters, type ListState } from './list-address'

export interface ListPlace<F extends Filters> {
  state: ComputedRef<ListState<F>>
  /** False while the address already belongs to another page. */
  isHere: () => boolean
  /** The first page with these filters. */
  begin: (filters: F) => Promise<unknown>
  /** Sort by a field; asked twice, the other way round. */
  sortBy: (field: string) => Promise<unknown>
  forward: (cursor: string) => Promise<unknown>
  /** One page back; the first page when one came here by a link. */
  back: () => Promise<unknown>
}

export function useListPlace<F extends Filters>(defaults: F, firstSort: string): ListPlace<F> {
  const route = useRoute()
  const router = useRouter()
  const own = route.path
  const state = computed(() => fromAddress(route.query, defaults, firstSort))
  /** The cursors of the pages before this one, the first page's being ''. */
  const trail = ref<string[]>([])

  function go(change: Partial<ListState<F>>): Promise<unknown> {
    return router.push({ query: toAddress({ ...state.value, ...change }, defaults, firstSort) })
  }
  function restart(change: Partial<ListState<F>>): Promise<unknown> {
    trail.value = []
    return go({ cursor: '', page: 1, ...change })
  }

  return {
    state,
    isHere: () => route.path === own,
    begin: (filters) => restart({ filters }),
    sortBy: (field) => restart({ sort: state.value.sort === field ? `-${field}` : field }),
    forward(cursor) {
      trail.value = [...trail.value.slice(0, state.value.page - 1), state.value.cursor]
      return go({ cursor, page: state.value.page + 1 })
    },
    back() {
      const { page } = state.value
      const before = trail.value.length >= page - 1 ? trail.value[page - 2] : undefined
      return before === undefined ? restart({}) : go({ cursor: before, page: page - 1 })
    },
  }
}
