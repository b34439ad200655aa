// What browsers have and jsdom lacks.
import { beforeEach } from 'vitest'
import { openDialogs } from '@/parts/open-dialogs'

window.matchMedia ??= (query: string) =>
  ({
    matches: false,
    media: query,
    addEventListener: () => undefined,
    removeEventListener: () => undefined,
  }) as unknown as MediaQueryList

window.ResizeObserver ??= class {
  observe() {}
  unobserve() {}
  disconnect() {}
}

HTMLDialogElement.prototype.showModal ??= function (this: HTMLDialogElement) {
  this.open = true
}
HTMLDialogElement.prototype.close ??= function (this: HTMLDialogElement) {
  this.open = false
}

beforeEach(() => {
  localStorage.clear()
  openDialogs.value = [] // files share one browser, and a page may have been left open
})
