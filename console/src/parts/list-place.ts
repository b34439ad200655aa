// Where one is in a list, and the ways to other places of it; each is an address of its own.
import { computed, type ComputedRef } from 'vue'
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

  /** The cursors of the pages before this one, the first page's being ''; the browser keeps them with the address. */
  function trail(): string[] {
    return (router.options.history.state.trail as string[] | undefined) ?? []
  }
  function go(change: Partial<ListState<F>>, before: string[] = []): Promise<unknown> {
    const query = toAddress({ ...state.value, ...change }, defaults, firstSort)
    return router.push({ query, state: { trail: before } })
  }
  function restart(change: Partial<ListState<F>>): Promise<unknown> {
    return go({ cursor: '', page: 1, ...change })
  }

  return {
    state,
    isHere: () => route.path === own,
    begin: (filters) => restart({ filters }),
    sortBy: (field) => restart({ sort: state.value.sort === field ? `-${field}` : field }),
    forward: (cursor) => go({ cursor, page: state.value.page + 1 }, [...trail(), state.value.cursor]),
    back() {
      const { page } = state.value
      const before = trail()
      const isKnown = before.length === page - 1
      return isKnown ? go({ cursor: before[page - 2], page: page - 1 }, before.slice(0, -1)) : restart({})
    },
  }
}
