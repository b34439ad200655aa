/** Toast and loading: one short sentence over the page, told to screen readers. */
import { h } from './overlay'
import { program } from './program'
import { screen } from './screen'

export interface ToastOptions {
  title?: string
  icon?: 'success' | 'error' | 'loading' | 'none'
  image?: string
  duration?: number
  mask?: boolean
}

/** The live region has to be there before its text is. */
const region = h('div', { class: 'mp-toast-region', role: 'status' })
let timer = 0

function icon({ icon: name = 'success', image }: ToastOptions): HTMLElement[] {
  if (image) return [h('img', { src: program.asset(image), alt: '', class: 'mp-toast-icon' })]
  if (name === 'loading') return [h('span', { class: 'mp-spinner mp-toast-icon' })]
  return name === 'none'
    ? []
    : [h('span', { class: `mp-toast-icon mp-toast-${name}`, 'aria-hidden': 'true' })]
}

export function mountToast(): void {
  screen.app.append(region)
}

export function showToast(options: ToastOptions): void {
  clearTimeout(timer)
  const box = h('div', { class: 'mp-toast' }, ...icon(options), h('span', {}, options.title ?? ''))
  region.classList.toggle('mp-toast-masked', Boolean(options.mask))
  region.replaceChildren(box)
  timer = window.setTimeout(hideToast, options.duration ?? 1500)
}

/** Stays until it is hidden. */
export function showLoading({ title = '加载中', mask }: ToastOptions): void {
  showToast({ title, icon: 'loading', mask })
  clearTimeout(timer)
}

export function hideToast(): void {
  clearTimeout(timer)
  region.classList.remove('mp-toast-masked')
  region.replaceChildren()
}
