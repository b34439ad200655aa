// A file dropped beside its place: browsers would open it in place of the page, and of all that was typed there.
import { onScopeDispose } from 'vue'

function keepPage(event: DragEvent): void {
  if (event.defaultPrevented || !event.dataTransfer?.types.includes('Files')) return
  event.preventDefault()
  event.dataTransfer.dropEffect = 'none'
}

export function catchMissedDrops(): void {
  window.addEventListener('dragover', keepPage)
  window.addEventListener('drop', keepPage)
  onScopeDispose(() => {
    window.removeEventListener('dragover', keepPage)
    window.removeEventListener('drop', keepPage)
  })
}
