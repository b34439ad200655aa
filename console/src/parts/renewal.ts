// A login that ended in the middle of work: the page stays, the same person logs in over it, and the work goes on.
import { ref } from 'vue'
import { api, Offline, Refusal } from '@/api/client'
import { keepCsrfToken, onLoggedOut } from '@/api/session'
import { useStaff } from './staff'

/** The username that has to log in again; null while nobody has to. */
export const renewalFor = ref<string | null>(null)
let answer: ((isRenewed: boolean) => void) | null = null

/** Another tab may have logged in meanwhile: then only the token for writing is new. Where nobody can tell, it has not. */
async function isLoggedInAs(id: string): Promise<boolean> {
  try {
    const me = await api.get('/api/v1/staff/me', { renews: false })
    if (me.id !== id) return startAnew()
    keepCsrfToken(me.csrf_token)
    return true
  } catch (error) {
    if (error instanceof Refusal || error instanceof Offline) return false
    throw error
  }
}

/** What is on screen belongs to another person. */
function startAnew(): never {
  window.location.assign('/console/')
  throw new Error('another person is logged in')
}

function ask(username: string): Promise<boolean> {
  renewalFor.value = username
  return new Promise((resolve) => {
    answer = resolve
  })
}

export function watchLogin(): void {
  onLoggedOut(async () => {
    const { staff } = useStaff()
    if (staff === null) return false
    return (await isLoggedInAs(staff.id)) || ask(staff.username)
  })
}

/** The form says that somebody logged in. */
export async function renewed(): Promise<void> {
  const { staff } = useStaff()
  if (staff === null || !(await isLoggedInAs(staff.id))) return
  finish(true)
}

export function finish(isRenewed: boolean): void {
  renewalFor.value = null
  answer?.(isRenewed)
  answer = null
}
