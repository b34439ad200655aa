// What a page shows while it waits for its content, and afterwards.
import { onScopeDispose, proxyRefs, ref, shallowRef, watch, type WatchSource } from 'vue'
import { Offline } from '@/api/refusal'
import { isReached } from '@/api/session'

export type Shown = 'loading' | 'ready' | 'error'

/**
 * Loads now, again when `again` changes, and when a server is back that did not answer. Content stays on screen while it is loaded anew; the answer to an older
 * question is dropped.
 */
export function useLoading<T>(
  load: (signal: AbortSignal) => Promise<T>,
  again?: WatchSource[] | WatchSource,
) {
  const content = shallowRef<T | null>(null)
  const problem = shallowRef<unknown>(null)
  const isLoading = ref(false)
  let running: AbortController | null = null

  async function refresh(): Promise<void> {
    running?.abort()
    const mine = (running = new AbortController())
    isLoading.value = true
    try {
      const answer = await load(mine.signal)
      if (mine !== running) return
      content.value = answer
      problem.value = null
    } catch (error) {
      if (mine !== running) return
      problem.value = error
    } finally {
      if (mine === running) isLoading.value = false
    }
  }

  if (again !== undefined) watch(again, refresh)
  watch(isReached, (isBack) => {
    if (isBack && problem.value instanceof Offline) void refresh()
  })
  onScopeDispose(() => running?.abort())
  void refresh()
  return proxyRefs({ content, problem, isLoading, refresh })
}
