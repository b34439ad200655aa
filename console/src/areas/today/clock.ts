// The server's clock in the page, and doing something again and again while the page is looked at.
import { onScopeDispose, ref, type Ref } from 'vue'

/** Ticks every second; `set` takes the server's time as it just arrived. */
export function useServerClock(): { now: Ref<number>; set: (moment: string) => void } {
  let ahead = 0
  const now = ref(Date.now())
  const ticking = setInterval(() => (now.value = Date.now() + ahead), 1000)
  onScopeDispose(() => clearInterval(ticking))
  return {
    now,
    set(moment) {
      ahead = Date.parse(moment) - Date.now()
      now.value = Date.now() + ahead
    },
  }
}

/** Runs `deed` every so often, only while the tab is visible, and at once when it is looked at again after long. */
export function whileVisible(deed: () => void, everyMs: number): void {
  let last = Date.now()
  function run(): void {
    if (document.visibilityState !== 'visible' || Date.now() - last < everyMs) return
    last = Date.now()
    deed()
  }
  const ticking = setInterval(run, 1000)
  document.addEventListener('visibilitychange', run)
  onScopeDispose(() => {
    clearInterval(ticking)
    document.removeEventListener('visibilitychange', run)
  })
}
