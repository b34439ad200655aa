// Where somebody goes after signing in.

/** A page of the console, or its start: never an address outside, however it came into `to`. */
export function wantedPage(to: unknown): string {
  return typeof to === 'string' && /^\/(?![/\\])/.test(to) && !to.startsWith('/login') ? to : '/'
}

/** Whoever must set up a second factor does that first. */
export function afterSignIn(
  to: unknown,
  lacksSecondFactor: boolean,
): { path: string; query?: { to: string } } | string {
  const page = wantedPage(to)
  return lacksSecondFactor ? { path: '/second-factor', query: { to: page } } : page
}
