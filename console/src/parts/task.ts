// One deed: it runs once at a time, keeps its once-key over retries, and says when it is slow or refused.
import { proxyRefs, ref, shallowRef } from 'vue'
import { newKey } from '@/api/client'
import { isUncertain } from '@/api/refusal'

const slowAfterMs = 400

/**
 * `deed` gets a once-key for its request and what `run` was called with. `run` answers the deed's answer, or undefined when
 * it was refused (`problem` says why) or is running already. An unclear outcome (no answer) keeps the key for the next try
 * with the same values, so that nothing is done twice.
 */
export function useTask<A extends unknown[], T>(deed: (once: string, ...values: A) => Promise<T>) {
  const isRunning = ref(false)
  const isSlow = ref(false)
  const problem = shallowRef<unknown>(null)
  let kept: { once: string; values: string } | null = null

  async function run(...values: A): Promise<T | undefined> {
    if (isRunning.value) return undefined
    const same = JSON.stringify(values)
    const once = kept?.values === same ? kept.once : newKey()
    const slow = setTimeout(() => (isSlow.value = true), slowAfterMs)
    isRunning.value = true
    problem.value = null
    kept = null
    try {
      return await deed(once, ...values)
    } catch (error) {
      if (isUncertain(error)) kept = { once, values: same }
      problem.value = error
      return undefined
    } finally {
      clearTimeout(slow)
      isRunning.value = isSlow.value = false
    }
  }

  function clear(): void {
    problem.value = null
  }

  return proxyRefs({ run, isRunning, isSlow, problem, clear })
}
