// Pages with unsaved changes are asked before anybody leaves them, by a link, the back button or the window.

type Ask = () => Promise<boolean>
const asked = new Set<{ isDirty: () => boolean; ask: Ask }>()

function keepWindow(event: BeforeUnloadEvent): void {
  if ([...asked].some((page) => page.isDirty())) event.preventDefault()
}

/** Ask before leaving while `isDirty`; answers how to stop asking. */
export function askBeforeLeaving(isDirty: () => boolean, ask: Ask): () => void {
  const page = { isDirty, ask }
  asked.add(page)
  window.addEventListener('beforeunload', keepWindow)
  return () => {
    asked.delete(page)
    if (asked.size === 0) window.removeEventListener('beforeunload', keepWindow)
  }
}

export async function leavingIsFine(): Promise<boolean> {
  for (const page of [...asked]) {
    if (page.isDirty() && !(await page.ask())) return false
  }
  return true
}
