// Who may open which page: people who are not logged in go to the login page and come back afterwards.
import { START_LOCATION, type RouteLocationNormalized, type RouteLocationRaw, type Router } from 'vue-router'
import { texts } from '@/texts/app'
import { arrived, leavingIsFine } from './leaving'
import { isServerThere } from './reach'
import type { AreaRoute } from './route'
import { say } from './say'
import { useStaff } from './staff'

type Place = Pick<RouteLocationNormalized, 'path' | 'fullPath' | 'query' | 'hash' | 'meta'>

/** Other filters are the same page; another hospital is not, nor is another session opened at the page's side. */
function isLeaving(to: Place, from: Place): boolean {
  return to.path !== from.path || to.query.hospital !== undefined || to.query.session !== from.query.session
}

export async function guard(to: Place, from: Place): Promise<boolean | RouteLocationRaw> {
  if (isLeaving(to, from) && !(await leavingIsFine())) return false
  if ((to.meta as unknown as AreaRoute['meta']).public) return true
  await useStaff().recall()
  return detour(to) ?? true
}

/** Where somebody has to go first; null for those who may go on. */
function detour(to: Place): RouteLocationRaw | null {
  const { staff, problem } = useStaff()
  if (staff === null) return problem === null ? { path: '/login', query: { to: to.fullPath } } : null
  const owed = '/second-factor'
  if (staff.lacks_second_factor && to.path !== owed) return { path: owed, query: { to: to.fullPath } }
  return switched(to)
}

/** A link that names a hospital: it is switched to, and the name leaves the address. */
function switched(to: Place): RouteLocationRaw | null {
  const { hospital, ...query } = to.query
  if (typeof hospital !== 'string') return null
  useStaff().choose(hospital)
  return { path: to.path, query, hash: to.hash, replace: true }
}

/** Browsers and the build tool say in their own words that a page's files do not come. */
const lacksFiles = /dynamically imported module|Importing a module script failed|Unable to preload/i

/** After a new version was installed the old pages' files are gone: the address is loaded anew, once. */
async function loadAnew(address: string, isNew: boolean): Promise<void> {
  if (!(await isServerThere())) say(texts.state.offlinePage)
  else if (isNew) say(texts.unexpected)
  else window.location.assign(address)
}

export function guardRouter(router: Router): void {
  router.beforeEach(guard)
  router.afterEach(arrived)
  router.onError((error, to, from) => {
    if (!lacksFiles.test(String(error))) return
    void loadAnew(router.resolve(to.fullPath).href, from === START_LOCATION)
  })
}
