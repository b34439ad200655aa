// What was typed and not saved: asked for before its page is left, or its dialog closed.
import { onScopeDispose } from 'vue'
import { askToLeave } from './leave-question'
import { askBeforeLeaving } from './leaving'

/** Answers the question for a form that is closed while its page stays. */
export function useUnsaved(isDirty: () => boolean): () => Promise<boolean> {
  onScopeDispose(askBeforeLeaving(isDirty, askToLeave))
  return () => (isDirty() ? askToLeave() : Promise.resolve(true))
}
