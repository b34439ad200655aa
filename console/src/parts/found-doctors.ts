// The doctors of the hospital whose name holds what is typed.
import { onScopeDispose, shallowRef, watch, type Ref } from 'vue'
import { api } from '@/api/client'
import { doctorCommands, type Command } from './commands'
import { useStaff } from './staff'

const waitsMs = 250

/** Search is a help: without an answer the pages are still found, so a failure shows none. */
export function useFoundDoctors(typed: Ref<string>): Readonly<Ref<Command[]>> {
  const staff = useStaff()
  const found = shallowRef<Command[]>([])
  let timer: ReturnType<typeof setTimeout> | undefined
  let running: AbortController | undefined

  async function look(wanted: string): Promise<void> {
    running?.abort()
    const mine = (running = new AbortController())
    const path = { hospital_id: staff.hospitalId ?? '' }
    try {
      const { items } = await api.get('/api/v1/staff/hospitals/{hospital_id}/doctors', {
        path,
        query: { q: wanted, limit: 100 } as object,
        signal: mine.signal,
      })
      if (mine === running) found.value = doctorCommands(items, wanted)
    } catch {
      if (mine === running) found.value = []
    }
  }

  watch(typed, () => {
    clearTimeout(timer)
    const wanted = typed.value.trim()
    if (!wanted || !staff.hospitalId || !staff.can('view_catalog')) found.value = []
    else timer = setTimeout(() => void look(wanted), waitsMs)
  })
  onScopeDispose(() => {
    clearTimeout(timer)
    running?.abort()
  })
  return found
}
