// Asking again and again, with growing pauses, while a page is in view.
import { Refusal } from '../../../api/refusal'
import { waitBefore } from './paying'

/** Answers true when there is nothing more to ask. */
type Question = (nth: number) => Promise<boolean>

export class Watch {
  private timer = 0
  private nth = 0
  private retryAfterS: number | null = null
  private isOn = false

  constructor(private readonly ask: Question) {}

  /** Starts anew, from the shortest pause. */
  start(): void {
    this.stop()
    this.isOn = true
    this.nth = 0
    this.plan()
  }

  stop(): void {
    this.isOn = false
    clearTimeout(this.timer)
  }

  private plan(): void {
    this.timer = setTimeout(() => void this.once(), waitBefore(this.nth, this.retryAfterS))
  }

  /** A question that fails is asked again: the network may come back, the server may be busy. */
  private async once(): Promise<void> {
    this.retryAfterS = null
    const isDone = await this.ask(this.nth).catch((error: unknown) => {
      this.retryAfterS = error instanceof Refusal ? error.retryAfterS : null
      return false
    })
    this.nth += 1
    if (isDone) this.stop()
    else if (this.isOn) this.plan()
  }
}
