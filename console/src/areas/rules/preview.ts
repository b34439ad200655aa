// What patients would read under the rules of the form, asked for when the person pauses.
import { computed, onScopeDispose, proxyRefs, ref, shallowRef, watch, type Ref } from 'vue'
import { api } from '@/api/client'
import type { Values } from './draft'

const pauseMs = 300

/** Asks one question at a time: a newer one drops the older. */
function useQuestion(hospitalId: string) {
  let running: AbortController | null = null
  onScopeDispose(() => running?.abort())
  return (rules: Values) => {
    running?.abort()
    running = new AbortController()
    return api.post('/api/v1/staff/hospitals/{hospital_id}/rules/preview', {
      path: { hospital_id: hospitalId },
      body: { rules },
      signal: running.signal,
    })
  }
}

export function usePreview(hospitalId: string, rules: Ref<Values | null>) {
  const sentences = shallowRef<string[]>([])
  const faults = ref<Record<string, string>>({})
  const isFaulty = computed(() => Object.keys(faults.value).length > 0)
  const question = useQuestion(hospitalId)
  let waiting: ReturnType<typeof setTimeout> | undefined

  async function ask(asked: Values): Promise<void> {
    try {
      const told = await question(asked)
      faults.value = Object.fromEntries(told.errors.map(({ field, message }) => [field, message]))
      if (told.errors.length === 0) sentences.value = told.sentences
    } catch {
      // Publishing checks again and says what is wrong; the preview stays as it was.
    }
  }

  /** Show the sentences of a version that was just opened. */
  function begin(opened: string[]): void {
    sentences.value = opened
    faults.value = {}
  }

  watch(
    () => JSON.stringify(rules.value),
    (_, before) => {
      clearTimeout(waiting)
      const asked = rules.value
      if (before !== 'null' && asked) waiting = setTimeout(() => void ask(asked), pauseMs)
    },
  )
  onScopeDispose(() => clearTimeout(waiting))
  return proxyRefs({ sentences, faults, isFaulty, begin })
}
