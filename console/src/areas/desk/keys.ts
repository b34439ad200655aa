// The keys of the desk.
import { onBeforeUnmount, onMounted } from 'vue'

export type DeskKey = 'F2' | 'F4' | 'F7' | 'F8' | 'F9' | 'F10' | 'Ctrl+P'

/** The desk's name of a key press, or null for one that is none of its keys. */
export function deskKey(
  event: Pick<KeyboardEvent, 'key' | 'ctrlKey' | 'altKey' | 'metaKey'>,
): DeskKey | null {
  const { key, ctrlKey, altKey, metaKey } = event
  if (altKey) return null
  if (ctrlKey || metaKey) return key.toLowerCase() === 'p' ? 'Ctrl+P' : null
  return ['F2', 'F4', 'F7', 'F8', 'F9', 'F10'].includes(key) ? (key as DeskKey) : null
}

/** Runs `deeds` by their keys while the page is shown; the browser's own meaning of a key is put aside. */
export function useDeskKeys(deeds: Partial<Record<DeskKey, () => unknown>>): void {
  function pressed(event: KeyboardEvent): void {
    const key = deskKey(event)
    const deed = key && deeds[key]
    if (!deed) return
    event.preventDefault()
    if (!event.repeat) deed()
  }
  onMounted(() => document.addEventListener('keydown', pressed))
  onBeforeUnmount(() => document.removeEventListener('keydown', pressed))
}
