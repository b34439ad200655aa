/** In watch mode only: asks for the build's number, and loads the page anew when it is another one. */
const EVERY_MS = 200

/** @returns {Promise<string | undefined>} */
async function version() {
  try {
    const answer = await fetch('./version.txt', { cache: 'no-store' })
    return answer.ok ? await answer.text() : first
  } catch {
    return first // the server is away for a moment
  }
}

/** @type {string | undefined} */
let first

setInterval(async () => {
  const now = await version()
  first ??= now
  if (now !== first) location.reload()
}, EVERY_MS)
