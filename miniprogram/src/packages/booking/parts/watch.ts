// Asking again and again, with growing pauses, while a page is in view.
import { Refusal } from '../../../api/refusal'
import { waitBefore } from './paying'

/** Answers true when there is nothing more to ask. */
type Question = (nth: number) => Promise<boolean>

export class Watch {
  private timer = 0
  private nth = 0
  private retryAfterS: number | null = null
  /** counts the starts and stops: a question of an earlier one plans nothing any more */
  private round = 0

  constructor(private readonly ask: Question) {}

  /** Starts anew, from the shortest pause. */
  start(): void {
    this.stop()
    this.nth = 0
    this.retryAfterS = null
    this.plan(this.round)
  }

  stop(): void {
    this.round += 1
    clearTimeout(this.timer)
  }

  private plan(round: number): void {
    this.timer = setTimeout(() => void this.once(round), waitBefore(this.nth, this.retryAfterS))
  }

  /** A question that fails is asked again: the network may come back, the server may be busy. */
  private async once(round: number): Promise<void> {
    this.retryAfterS = null
    const isDone = await this.ask(this.nth).catch((error: unknown) => {
      this.retryAfterS = error instanceof Refusal ? error.retryAfterS : null
      return false
    })
    if (round !== this.round) return
    this.nth += 1
    if (isDone) this.stop()
    else this.plan(round)
  }
}
