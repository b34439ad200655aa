// Logging out: asked first where changes would be lost.
import { api } from '@/api/client'
import { leavingIsFine } from './leaving'

/** A full load afterwards: nothing of this person stays in memory. */
export async function logOut(): Promise<void> {
  if (!(await leavingIsFine())) return
  await api.delete('/api/v1/staff/logins/current', { renews: false }).catch(() => undefined)
  window.location.assign('/console/login')
}
