// Who may open which page: people who are not logged in go to the login page and come back afterwards.
import type { RouteLocationNormalized, RouteLocationRaw } from 'vue-router'
import { leavingIsFine } from './leaving'
import { useStaff } from './staff'
import type { AreaRoute } from './route'

type Meta = AreaRoute['meta']

export async function guard(to: RouteLocationNormalized): Promise<boolean | RouteLocationRaw> {
  if (!(await leavingIsFine())) return false
  const meta = to.meta as unknown as Meta
  if (meta.public) return true
  const staff = useStaff()
  await staff.recall()
  if (staff.staff === null && !staff.problem) return { path: '/login', query: { to: to.fullPath } }
  if (typeof to.query.hospital === 'string') {
    staff.choose(to.query.hospital)
    const { hospital: _, ...query } = to.query
    return { path: to.path, query, hash: to.hash, replace: true }
  }
  return true
}
