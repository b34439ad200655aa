// The menu of a person: the entries they may open, by group.
import type { AreaRoute, MenuGroup } from './route'

export interface MenuEntry {
  path: string
  title: string
  icon: NonNullable<AreaRoute['meta']['menu']>['icon']
}

export interface MenuSection {
  group: MenuGroup
  entries: MenuEntry[]
}

const groups: MenuGroup[] = ['work', 'hospital', 'money', 'admin']

export function menuOf(routes: AreaRoute[], mayOpen: (meta: AreaRoute['meta']) => boolean): MenuSection[] {
  const shown = routes
    .flatMap(({ path, meta }) =>
      meta.menu && mayOpen(meta) ? [{ path, title: meta.title, ...meta.menu }] : [],
    )
    .sort((one, other) => one.order - other.order)
  return groups
    .map((group) => ({
      group,
      entries: shown
        .filter((entry) => entry.group === group)
        .map(({ path, title, icon }) => ({ path, title, icon })),
    }))
    .filter(({ entries }) => entries.length > 0)
}

/** The menu's page that a page belongs to: /bookings of /bookings/17. Pages outside the menu stay themselves. */
export function sectionOf(routes: AreaRoute[], path: string): string {
  const above = routes
    .filter(({ meta, path: own }) => meta.menu && (path === own || path.startsWith(`${own}/`)))
    .map(({ path: own }) => own)
    .sort((one, other) => other.length - one.length)
  return above[0] ?? path
}
