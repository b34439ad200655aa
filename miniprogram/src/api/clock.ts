// The server's time, told from the Date header of its answers: phones are often minutes off.

/** The offset (server minus phone, ms) lies between these two; each answer narrows them. */
let least = -Infinity
let most = Infinity

/** Learn from one answer: it was made between `sentAt` and `receivedAt`, and Date has whole seconds. */
export function learn(date: string | undefined, sentAt: number, receivedAt: number): void {
  const second = date ? Date.parse(date) : NaN
  if (Number.isNaN(second)) return
  const low = second - receivedAt
  const high = second + 1000 - sentAt
  const contradicted = low > most || high < least
  least = contradicted ? low : Math.max(least, low)
  most = contradicted ? high : Math.min(most, high)
}

/** Now by the server, in ms; by the phone until the first answer came. */
export function serverNow(): number {
  return Date.now() + (Number.isFinite(least) ? (least + most) / 2 : 0)
}
