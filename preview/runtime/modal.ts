/** Dialogs that the program draws itself (aria-role="dialog" with aria-modal): the focus goes in, stays, and comes back. */
import { keepFocus } from './overlay'
import { screen } from './screen'

const SELECTOR = 'wx-page:not([hidden]) [role="dialog"][aria-modal="true"]'

let open: { dialog: HTMLElement; before: HTMLElement | null } | undefined
let watched = false
let looking = 0

function isSeen(element: HTMLElement): boolean {
  return (
    element.isConnected &&
    element.getClientRects().length > 0 &&
    getComputedStyle(element).visibility !== 'hidden'
  )
}

/** The dialog that was drawn last lies on top. */
function topmost(): HTMLElement | undefined {
  return Array.from(document.querySelectorAll<HTMLElement>(SELECTOR)).filter(isSeen).pop()
}

function leave(): void {
  const lost = document.activeElement === document.body || open?.dialog.contains(document.activeElement)
  if (lost && open?.before?.isConnected) open.before.focus({ preventScroll: true })
  open = undefined
}

function enter(dialog: HTMLElement): void {
  open = { dialog, before: document.activeElement as HTMLElement | null }
  dialog.tabIndex = -1
  if (!dialog.contains(document.activeElement)) dialog.focus({ preventScroll: true })
}

function look(): void {
  looking = 0
  const dialog = topmost()
  if (dialog === open?.dialog) return
  if (open && !isSeen(open.dialog)) leave()
  if (dialog) enter(dialog)
}

/**
 * Called when an element says that it is modal. A popup draws its content long before it shows it: from the first such
 * element on, changes of the pages are watched.
 */
export function watchModals(): void {
  if (watched) return
  watched = true
  const later = () => {
    looking ||= requestAnimationFrame(look)
  }
  new MutationObserver(later).observe(screen.pages, {
    subtree: true,
    childList: true,
    attributeFilter: ['class', 'style', 'hidden', 'aria-modal'],
  })
  later()
}

/** Tab goes round inside the dialog. */
export function listenToModals(): void {
  screen.pages.addEventListener('keydown', (e) => {
    const dialog = e.key === 'Tab' ? topmost() : undefined
    if (dialog) keepFocus(dialog, e)
  })
}
