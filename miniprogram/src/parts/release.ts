// When to look again at places that are not released yet: once per release, spread out, then only as the server asks.

/** The earliest a page asks after a release: our idea of the server's clock may be half a second off. */
export const SOONEST_MS = 500

/** The latest, so that a crowd of phones does not ask in one moment. */
export const LATEST_MS = 1500

/** What a page waits for, all by the server's clock in ms. */
export interface Watch {
  /** releases up to this moment were asked about and are never asked about again */
  readonly askedUntil: number
  /** the release that the countdown shows */
  readonly releaseAt: number | null
  /** when to ask; stays null until a page knows of a release or of a Retry-After */
  readonly askAt: number | null
}

export const nothingAwaited: Watch = { askedUntil: 0, releaseAt: null, askAt: null }

/**
 * What to wait for after an answer by which `releases` are still to come; `chance` is 0 to 1. The moment drawn for a release stays.
 * The server's word counts: a release that is over by our clock but not by the server's is asked about a moment later.
 */
export function awaiting(before: Watch, releases: readonly number[], now: number, chance: number): Watch {
  const ahead = releases.filter((at) => at > before.askedUntil)
  if (!ahead.length) return { ...nothingAwaited, askedUntil: before.askedUntil }
  const releaseAt = Math.min(...ahead)
  if (releaseAt === before.releaseAt && before.askAt !== null) return before
  return { askedUntil: before.askedUntil, releaseAt, askAt: Math.max(releaseAt, now) + spread(chance) }
}

/** Is it time to ask? Also true when the page was hidden or the phone asleep at that time. */
export function isDue(watch: Watch, now: number): boolean {
  return watch.askAt !== null && now >= watch.askAt
}

/** The one question of this release is on its way; whatever comes back, there is no second one by itself. */
export function asked(watch: Watch): Watch {
  return {
    askedUntil: Math.max(watch.askedUntil, watch.releaseAt ?? 0),
    releaseAt: watch.releaseAt,
    askAt: null,
  }
}

/** The question was refused: ask again only if the server said when. */
export function putOff(watch: Watch, retryAfterS: number | null, now: number, chance: number): Watch {
  const askAt = retryAfterS === null ? null : now + retryAfterS * 1000 + chance * LATEST_MS
  return { ...watch, askAt }
}

/** Whole seconds until the release, 0 when it has come, null when nothing is awaited. */
export function secondsLeft(watch: Watch, now: number): number | null {
  return watch.releaseAt === null ? null : Math.max(0, Math.ceil((watch.releaseAt - now) / 1000))
}

function spread(chance: number): number {
  return SOONEST_MS + chance * (LATEST_MS - SOONEST_MS)
}
