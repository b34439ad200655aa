/** The page stack in the browser's history: one entry per page, so that back and forward do what a visitor expects. */

const SETTLE_MS = 1000

/** The route and query that the address names: `#/packages/x/y/y?id=1`. */
export function addressed(): string {
  return decodeHash(location.hash.replace(/^#\/?/, ''))
}

/** Browsers may escape Chinese letters of a hash; WeChat hands the query on as it was written. */
function decodeHash(hash: string): string {
  try {
    return /%[0-9a-f]{2}/i.test(hash) ? hash : decodeURI(hash)
  } catch {
    return hash
  }
}

export class Address {
  private turn: Promise<void> = Promise.resolve()
  private arrived: (() => void) | null = null

  /** Calls back when the visitor travels; `index` counts the program's entries. */
  listen(travel: (index: number, url: string) => void, next: () => number): void {
    addEventListener('popstate', () => {
      if (this.arrived) return this.arrived()
      const index = indexOf(history.state)
      if (index === undefined) history.replaceState({ index: next() }, '')
      travel(index ?? next(), addressed())
    })
  }

  /** Where this entry stands after a reload of the page. */
  start(url: string): number {
    const index = indexOf(history.state) ?? 0
    history.replaceState({ index }, '', hash(url))
    return index
  }

  push(index: number, url: string): Promise<void> {
    return this.after(() => history.pushState({ index }, '', hash(url)))
  }

  replace(index: number, url: string): Promise<void> {
    return this.after(() => history.replaceState({ index }, '', hash(url)))
  }

  back(entries: number): Promise<void> {
    return this.after(() => (entries > 0 ? this.go(-entries) : undefined))
  }

  private after(work: () => void | Promise<void>): Promise<void> {
    this.turn = this.turn.then(work)
    return this.turn
  }

  private go(entries: number): Promise<void> {
    return new Promise((resolve) => {
      const settle = () => {
        clearTimeout(timer)
        this.arrived = null
        resolve()
      }
      const timer = setTimeout(settle, SETTLE_MS)
      this.arrived = settle
      history.go(entries)
    })
  }
}

function hash(url: string): string {
  return `#/${url}`
}

function indexOf(state: unknown): number | undefined {
  const index = (state as { index?: unknown } | null)?.index
  return typeof index === 'number' ? index : undefined
}
