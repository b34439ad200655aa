// What calls need to know of the login: the CSRF token (kept in memory alone), and who is told when the login has ended.
import { ref } from 'vue'

let token: string | null = null

export function csrfToken(): string | null {
  return token
}

export function keepCsrfToken(given: string | null): void {
  token = given
}

/** False from a call without an answer until the next one that has one. */
export const isReached = ref(true)
/** When the server last answered: each answer to a call of ours keeps the login awake. */
export const lastHeardAt = ref(Date.now())

export function heardOf(answered: boolean): void {
  isReached.value = answered
  if (answered) lastHeardAt.value = Date.now()
}

/** Lets the person log in again; answers whether the same person did. */
type Renew = () => Promise<boolean>
let renew: Renew = () => Promise.resolve(false)
let renewing: Promise<boolean> | null = null

export function onLoggedOut(ask: Renew): void {
  renew = ask
}

/** Calls that find the login ended at the same time wait for the same answer. */
export function loggedOut(): Promise<boolean> {
  renewing ??= renew().finally(() => {
    renewing = null
  })
  return renewing
}
