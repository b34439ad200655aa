// Pages with unsaved changes are asked before anybody leaves them, by a link, the back button or the window.

interface Page {
  isDirty: () => boolean
  ask: () => Promise<boolean>
}

const pages = new Set<Page>()
/** Somebody said that changes may go: not asked again until the way has ended, over all its turns. */
let isGranted = false

function keepWindow(event: BeforeUnloadEvent): void {
  if (!isGranted && [...pages].some((page) => page.isDirty())) event.preventDefault()
}

/** Ask before leaving while `isDirty`; answers how to stop asking. */
export function askBeforeLeaving(isDirty: () => boolean, ask: () => Promise<boolean>): () => void {
  const page = { isDirty, ask }
  pages.add(page)
  window.addEventListener('beforeunload', keepWindow)
  return () => {
    pages.delete(page)
    if (pages.size === 0) window.removeEventListener('beforeunload', keepWindow)
  }
}

export async function leavingIsFine(): Promise<boolean> {
  for (const page of isGranted ? [] : [...pages]) {
    if (!page.isDirty()) continue
    if (!(await page.ask())) return false
    isGranted = true
  }
  return true
}

/** The way has ended. */
export function arrived(): void {
  isGranted = false
}
