/** Sharing a page: the button with open-type="share" and the menu of the navigation bar. */
import { api } from '../answer'
import { host } from '../host'
import type { OpenPage } from '../page'
import { urlOf } from '../page'
import { router } from '../router'

interface Content {
  title?: string
  path?: string
  imageUrl?: string
  promise?: Promise<Content>
}

export interface ShareFrom {
  from: 'button' | 'menu'
  target?: unknown
}

/** What the page wants shared; itself when it does not say. */
async function contentOf(page: OpenPage, from: ShareFrom): Promise<Content> {
  const content = (page.call('onShareAppMessage', from) ?? {}) as Content
  const later = content.promise ? await content.promise : undefined
  return { ...content, ...later }
}

export async function share(from: ShareFrom): Promise<void> {
  const page = router.current()
  if (!page) return
  const content = await contentOf(page, from)
  const path = (content.path ?? urlOf(page.place)).replace(/^\//, '')
  const link = new URL(location.href)
  link.hash = `/${path}`
  for (const scanned of ['scene', 'q']) link.searchParams.delete(scanned)
  await host.share({
    title: content.title ?? page.bar.title,
    path,
    imageUrl: content.imageUrl,
    link: link.href,
  })
}

export function canShare(page: OpenPage): boolean {
  return typeof page.instance.onShareAppMessage === 'function'
}

const menus = new WeakMap<OpenPage, boolean>()

export function shareShown(page: OpenPage): boolean {
  return canShare(page) && menus.get(page) !== false
}

function showMenu(shown: boolean): void {
  const page = router.current()
  if (page) menus.set(page, shown)
}

export const showShareMenu = api('showShareMenu', () => showMenu(true))
export const hideShareMenu = api('hideShareMenu', () => showMenu(false))
export const updateShareMenu = api('updateShareMenu', () => {})
