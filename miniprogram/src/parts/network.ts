// Whether the network is there, for the banner and for pages that wait for it.
import { onReach } from '../api/http'

let online = true
const listeners = new Set<(online: boolean) => void>()

function tell(now: boolean): void {
  if (now === online) return
  online = now
  listeners.forEach((listener) => listener(now))
}

/** Called once at the app's start. An answer of the server counts for more than what the phone believes. */
export function watchNetwork(): void {
  wx.onNetworkStatusChange(({ isConnected }) => tell(isConnected))
  onReach((answered) => answered && tell(true))
}

export function isOnline(): boolean {
  return online
}

/** Calls `listener` at each change; the answer ends that. */
export function onNetwork(listener: (online: boolean) => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}
