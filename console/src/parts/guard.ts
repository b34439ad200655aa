// Who may open which page: people who are not logged in go to the login page and come back afterwards.
import type { RouteLocationNormalized, RouteLocationRaw, Router } from 'vue-router'
import { arrived, leavingIsFine } from './leaving'
import type { AreaRoute } from './route'
import { useStaff } from './staff'

type Place = Pick<RouteLocationNormalized, 'path' | 'fullPath' | 'query' | 'hash' | 'meta'>

/** Other filters are the same page; another hospital is not. */
function isLeaving(to: Place, from: Place): boolean {
  return to.path !== from.path || to.query.hospital !== undefined
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

/** After a new version was installed the old pages' scripts are gone: the address is loaded anew, once. */
export function guardRouter(router: Router): void {
  router.beforeEach(guard)
  router.afterEach(arrived)
  router.onError((error, to) => {
    const isGone = /dynamically imported module|Importing a module script failed/i.test(String(error))
    if (isGone && navigator.onLine) window.location.assign(router.resolve(to.fullPath).href)
  })
}
