// A form over one stored thing: what changed, saving with its version, and two editors at once.
import { computed, proxyRefs, ref, shallowRef, toRaw, toRef, type Ref } from 'vue'
import { Refusal } from '@/api/client'
import { changesOf, differencesOf, merged, type Difference, type Words } from './changes'
import { useLoading } from './loading'
import { useUnsaved } from './unsaved'

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

/** The thing as it was opened, as it is being edited, and another person's newer version of it. */
function useVersions<T extends object>(words: Words) {
  const original: Ref<T | null> = shallowRef(null)
  const draft = ref(null) as Ref<T | null>
  const conflict: Ref<Conflict<T> | null> = shallowRef(null)
  const plain = (thing: T) => JSON.parse(JSON.stringify(toRaw(thing))) as T

  function open(thing: T): void {
    original.value = plain(thing)
    draft.value = plain(thing)
  }
  function meet(theirs: T): void {
    if (!original.value || !draft.value) return
    const differences = differencesOf(original.value, theirs, plain(draft.value), words)
    conflict.value = { theirs, differences }
  }
  /** Go on from their version, with what I changed on top of it or without. */
  function settle(keepMine: boolean): void {
    if (!conflict.value || !original.value || !draft.value) return
    const { theirs } = conflict.value
    const mine = merged(original.value, theirs, plain(draft.value))
    open(theirs)
    if (keepMine) draft.value = mine
    conflict.value = null
  }
  const changes = computed(() =>
    original.value && draft.value ? changesOf(original.value, draft.value, words) : [],
  )
  return { original, draft, conflict, changes, open, meet, settle, plain }
}

type Versions<T extends object> = ReturnType<typeof useVersions<T>>

function useSaving<T extends object>(asked: Asked<T>, versions: Versions<T>) {
  const problem = shallowRef<unknown>(null)
  const isSaving = ref(false)
  const isSaved = ref(false)

  async function understand(error: unknown): Promise<void> {
    problem.value = error
    if (!(error instanceof Refusal && error.code === 'edit-conflict')) return
    try {
      versions.meet(await asked.load())
      problem.value = null
    } catch (failure) {
      problem.value = failure
    }
  }

  /** Answers whether it was saved; of another person's newer version `conflict` tells. */
  async function save(): Promise<boolean> {
    if (!versions.draft.value || isSaving.value) return false
    isSaving.value = true
    isSaved.value = false
    problem.value = null
    try {
      versions.open(await asked.save(versions.plain(versions.draft.value)))
      isSaved.value = true
    } catch (error) {
      await understand(error)
    } finally {
      isSaving.value = false
    }
    return isSaved.value
  }

  function reset(): void {
    if (versions.original.value) versions.open(versions.original.value)
    problem.value = null
  }
  return { save, reset, problem, isSaving, isSaved }
}

export function useEditing<T extends object>(asked: Asked<T>) {
  const versions = useVersions<T>({
    labels: asked.labels as Record<string, string>,
    show: asked.show as Words['show'],
  })
  const { original, draft, conflict, changes, open, settle } = versions
  const loading = useLoading(async () => {
    const loaded = await asked.load()
    open(loaded)
    return loaded
  })
  const isDirty = computed(() => changes.value.length > 0)
  const mayGo = useUnsaved(() => isDirty.value)

  return proxyRefs({
    draft,
    original,
    isDirty,
    changes,
    conflict,
    settle,
    /** Whether the form may be closed while its page stays: asks about unsaved changes. */
    mayGo,
    /** Put another state into the form, as after a preview; it counts as opened, not as changed. */
    open,
    ...useSaving(asked, versions),
    loadProblem: toRef(loading, 'problem'),
    isLoading: toRef(loading, 'isLoading'),
    refresh: loading.refresh,
  })
}

export type Editing = Pick<
  ReturnType<typeof useEditing<object>>,
  'isDirty' | 'changes' | 'save' | 'reset' | 'isSaving' | 'isSaved' | 'problem'
>
