// Ends a login that nobody uses, even while the page itself asks the server for news; warns before.
import { computed, onScopeDispose, ref } from 'vue'

const everyMs = 1_000
const wakesAfterMs = 5 * 60_000
const warnsBeforeMs = 2 * 60_000
const place = 'guahao.used-at'
const uses = ['pointerdown', 'keydown', 'wheel'] as const

interface Asked {
  /** How long a login lasts without use. */
  idleMs: () => number
  /** Tell the server that somebody is here. */
  wake: () => Promise<unknown>
  end: () => Promise<unknown>
}

/** `leftS` counts down when the end is near, and is null before. Tabs share when the person was last active. */
export function useIdle({ idleMs, wake, end }: Asked) {
  const usedAt = ref(Date.now())
  const leftMs = ref(Infinity)
  let wokenAt = Date.now()
  let isEnded = false

  function lastUse(): number {
    return Math.max(usedAt.value, Number(localStorage.getItem(place) ?? 0))
  }
  function use(): void {
    if (leftS.value === null) stay()
  }
  /** The person is here. */
  function stay(): void {
    isEnded = false
    usedAt.value = Date.now()
    localStorage.setItem(place, String(usedAt.value))
    leftMs.value = idleMs()
    if (usedAt.value - wokenAt < wakesAfterMs) return
    wokenAt = usedAt.value
    void wake().catch(() => (wokenAt = 0))
  }
  function look(): void {
    leftMs.value = lastUse() + idleMs() - Date.now()
    if (leftMs.value > 0 || isEnded) return
    isEnded = true
    void end()
  }

  const leftS = computed(() =>
    leftMs.value > 0 && leftMs.value <= warnsBeforeMs ? Math.ceil(leftMs.value / 1000) : null,
  )
  watchPerson(use, look)
  stay()
  return { leftS, stay }
}

function watchPerson(use: () => void, look: () => void): void {
  const timer = setInterval(look, everyMs)
  uses.forEach((name) => window.addEventListener(name, use, { passive: true, capture: true }))
  onScopeDispose(() => {
    clearInterval(timer)
    uses.forEach((name) => window.removeEventListener(name, use, { capture: true }))
  })
}
