/** The two ends of the channel between a page and the page that it opened. */
import type { Authored } from './easel'

type Listener = (...values: Authored[]) => void

export class EventChannel {
  private readonly listeners = new Map<string, { listener: Listener; once: boolean }[]>()
  private peer: EventChannel = this

  /** Both ends; `events` are the opener's listeners, as given to navigateTo. */
  static pair(events: Record<string, Listener> = {}): { opener: EventChannel; opened: EventChannel } {
    const opener = new EventChannel()
    const opened = new EventChannel()
    opener.peer = opened
    opened.peer = opener
    for (const [name, listener] of Object.entries(events)) opener.on(name, listener)
    return { opener, opened }
  }

  on(name: string, listener: Listener): void {
    this.add(name, listener, false)
  }

  once(name: string, listener: Listener): void {
    this.add(name, listener, true)
  }

  off(name: string, listener?: Listener): void {
    const kept = listener
      ? (this.listeners.get(name) ?? []).filter((entry) => entry.listener !== listener)
      : []
    this.listeners.set(name, kept)
  }

  emit(name: string, ...values: unknown[]): void {
    const { listeners } = this.peer
    const called = listeners.get(name) ?? []
    listeners.set(
      name,
      called.filter((entry) => !entry.once),
    )
    for (const { listener } of called) listener(...values)
  }

  private add(name: string, listener: Listener, once: boolean): void {
    this.listeners.set(name, [...(this.listeners.get(name) ?? []), { listener, once }])
  }
}
