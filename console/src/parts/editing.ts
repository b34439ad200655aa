// A form over one stored thing: what changed, saving with its version, and two editors at once.
import { computed, onScopeDispose, proxyRefs, ref, shallowRef, toRaw, toRef } from 'vue'
import { Refusal } from '@/api/client'
import { changesOf, differencesOf, merged, type Change, type Difference } from './changes'
import { askBeforeLeaving } from './leaving'
import { askToLeave } from './leave-question'
import { useLoading } from './loading'

export interface Conflict<T> {
  theirs: T
  differences: Difference[]
}

interface Asked<T extends object> {
  load: () => Promise<T>
  /** Send the whole draft; its `version` is the one that was opened. Answers the saved thing. */
  save: (draft: T) => Promise<T>
  /** The person's words for each member: members without one are not shown and not compared. */
  labels: Partial<Record<keyof T & string, string>>
  /** How a value is shown in "what changed"; plain text for most. */
  show?: (key: keyof T & string, value: unknown) => string
}

export function useEditing<T extends object>(asked: Asked<T>) {
  const original = shallowRef<T | null>(null)
  const draft = ref<T | null>(null)
  const conflict = shallowRef<Conflict<T> | null>(null)
  const problem = shallowRef<unknown>(null)
  const isSaving = ref(false)
  const isSaved = ref(false)
  const words = { labels: asked.labels as Record<string, string>, show: asked.show as Show }

  const loading = useLoading(async () => {
    const loaded = await asked.load()
    open(loaded)
    return loaded
  })
  const changes = computed<Change[]>(() =>
    original.value && draft.value ? changesOf(original.value, draft.value, words) : [],
  )
  const isDirty = computed(() => changes.value.length > 0)

  function open(thing: T): void {
    original.value = structuredClone(toRaw(thing))
    draft.value = structuredClone(toRaw(thing)) as typeof draft.value
  }
  function reset(): void {
    if (original.value) open(original.value)
    problem.value = null
  }

  /** Answers whether it was saved; of another person's newer version `conflict` tells. */
  async function save(): Promise<boolean> {
    if (!draft.value || isSaving.value) return false
    isSaving.value = true
    problem.value = null
    isSaved.value = false
    try {
      open(await asked.save(JSON.parse(JSON.stringify(draft.value)) as T))
      isSaved.value = true
      return true
    } catch (error) {
      await understand(error)
      return false
    } finally {
      isSaving.value = false
    }
  }

  async function understand(error: unknown): Promise<void> {
    if (!(error instanceof Refusal && error.code === 'edit-conflict')) {
      problem.value = error
      return
    }
    try {
      const theirs = await asked.load()
      const mine = toRaw(draft.value) as T
      conflict.value = { theirs, differences: differencesOf(original.value as T, theirs, mine, words) }
    } catch (failure) {
      problem.value = failure
    }
  }

  /** Go on from their version, with what I changed on top of it or without. */
  function settle(keepMine: boolean): void {
    if (!conflict.value || !original.value || !draft.value) return
    const { theirs } = conflict.value
    const mine = merged(original.value, theirs, toRaw(draft.value) as T)
    open(theirs)
    if (keepMine) draft.value = mine as typeof draft.value
    conflict.value = null
  }

  onScopeDispose(askBeforeLeaving(() => isDirty.value, askToLeave))

  return proxyRefs({
    draft,
    original,
    isDirty,
    changes,
    save,
    reset,
    isSaving,
    isSaved,
    problem,
    conflict,
    settle,
    loadProblem: toRef(loading, 'problem'),
    isLoading: toRef(loading, 'isLoading'),
    refresh: loading.refresh,
  })
}

type Show = ((key: string, value: unknown) => string) | undefined
export type Editing = Pick<
  ReturnType<typeof useEditing<object>>,
  'isDirty' | 'changes' | 'save' | 'reset' | 'isSaving' | 'isSaved' | 'problem'
>
