// Whether the server answers: asked now and then while it does not, so that what waits for it goes on by itself.
import { onScopeDispose } from 'vue'
import { api } from '@/api/client'
import { isReached } from '@/api/session'

const everyMs = 5_000

/** Asks for something that everybody may know. */
export async function isServerThere(): Promise<boolean> {
  const answer = await api.get('/api/v1/staff/setup', { renews: false }).catch(() => null)
  return answer !== null
}

export function watchReach(): void {
  const ask = () => {
    if (!isReached.value) void isServerThere()
  }
  const timer = setInterval(ask, everyMs)
  window.addEventListener('online', ask)
  onScopeDispose(() => {
    clearInterval(timer)
    window.removeEventListener('online', ask)
  })
}
