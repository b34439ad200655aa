// Follows an import until it has ended, through lost answers.
import { onScopeDispose, proxyRefs, shallowRef, watch } from 'vue'
import { api, Offline } from '@/api/client'
import { hasEnded, type Import } from './import'

const everyMs = 700

export function useFollowing(id: () => string, ended: (seen: Import) => void) {
  const seen = shallowRef<Import | null>(null)
  const problem = shallowRef<unknown>(null)
  let timer: ReturnType<typeof setTimeout> | undefined

  async function ask(wanted: string): Promise<void> {
    try {
      const answer = await api.get('/api/v1/staff/imports/{import_id}', { path: { import_id: wanted } })
      if (wanted !== id()) return
      seen.value = answer
      problem.value = null
      if (hasEnded(answer)) return ended(answer)
    } catch (error) {
      problem.value = error
      if (!(error instanceof Offline)) return
    }
    if (wanted === id()) timer = setTimeout(() => void ask(wanted), everyMs)
  }

  function begin(): void {
    clearTimeout(timer)
    seen.value = null
    void ask(id())
  }
  watch(id, begin, { immediate: true })
  onScopeDispose(() => {
    clearTimeout(timer)
    id = () => ''
  })
  return proxyRefs({ seen, problem, begin })
}
