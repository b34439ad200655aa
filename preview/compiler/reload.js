/** In watch mode only: asks for the build's number, and loads the page anew when it is another one. */
const EVERY_MS = 200

/** @returns {Promise<string | undefined>} */
async function version() {
  try {
    const answer = await fetch('./version.txt', { cache: 'no-store' })
    return answer.ok ? await answer.text() : undefined
  } catch {
    return undefined // the server is away for a moment
  }
}

const first = await version()

setInterval(async () => {
  const now = await version()
  if (now !== undefined && now !== first) location.reload()
}, EVERY_MS)
