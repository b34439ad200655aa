// A list that grows by pages of a cursor.
export interface Page<T> {
  items: T[]
  next_cursor?: string | null
}

export class Roll<T> {
  items: T[] = []
  private cursor: string | null = null
  private generation = 0

  constructor(private readonly read: (cursor: string | null) => Promise<Page<T>>) {}

  get hasMore(): boolean {
    return this.cursor !== null
  }

  /** Reads the first page anew; the old items stay until it is there. */
  async restart(): Promise<void> {
    await this.turn(null, [])
  }

  async more(): Promise<void> {
    if (this.hasMore) await this.turn(this.cursor, this.items)
  }

  /** An answer that was overtaken by a restart counts for nothing. */
  private async turn(cursor: string | null, before: readonly T[]): Promise<void> {
    const mine = ++this.generation
    const page = await this.read(cursor)
    if (mine !== this.generation) return
    this.items = [...before, ...page.items]
    this.cursor = page.next_cursor ?? null
  }
}
