// What happened to one's own login: read once for the frame, the page of them and Today.
import { defineStore } from 'pinia'
import { computed, shallowRef } from 'vue'
import { api, type Schemas } from '@/api/client'

export type SecurityEvent = Schemas['SecurityEventOut']

export const useSecurityEvents = defineStore('security-events', () => {
  const events = shallowRef<SecurityEvent[]>([])
  const unseen = computed(() => events.value.filter(({ seen_at: at }) => at === null).length)

  async function load(): Promise<SecurityEvent[]> {
    events.value = (await api.get('/api/v1/staff/me/security-events')).items
    return events.value
  }
  /** The frame only tells of them: when they cannot be had, it tells nothing new. */
  async function look(): Promise<void> {
    await load().catch(() => undefined)
  }
  /** All that was loaded was shown; what came meanwhile stays new. */
  async function see(): Promise<void> {
    if (!unseen.value) return
    const shown = events.value
    await api.post('/api/v1/staff/me/security-events/seen', { body: { newest_id: shown[0].id } })
    const ids = new Set(shown.map(({ id }) => id))
    const at = new Date().toISOString()
    events.value = events.value.map((one) => (ids.has(one.id) ? { ...one, seen_at: one.seen_at ?? at } : one))
  }
  function forget(): void {
    events.value = []
  }
  return { unseen, load, look, see, forget }
})
