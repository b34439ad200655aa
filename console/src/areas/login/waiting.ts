// Counts down how long nobody may try again after too many wrong tries.
import { computed, onScopeDispose, proxyRefs, ref, watch } from 'vue'
import { Refusal } from '@/api/refusal'

/** Whole seconds until `until`, both in milliseconds; 0 when it has come. */
export function secondsLeft(until: number, now: number): number {
  return Math.max(0, Math.ceil((until - now) / 1000))
}

export function useWaiting(problem: () => unknown) {
  const until = ref(0)
  const now = ref(Date.now())
  const leftS = computed(() => secondsLeft(until.value, now.value))
  let clock: ReturnType<typeof setInterval> | undefined

  function stop(): void {
    clearInterval(clock)
  }
  function tick(): void {
    now.value = Date.now()
    if (leftS.value === 0) stop()
  }

  watch(problem, (error) => {
    if (!(error instanceof Refusal) || error.status !== 429) return
    stop()
    now.value = Date.now()
    until.value = now.value + (error.retryAfterS ?? 10) * 1000
    clock = setInterval(tick, 1000)
  })
  onScopeDispose(stop)
  return proxyRefs({ leftS })
}
