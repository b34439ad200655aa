// Words out of an address, which anybody may have written.

/** Decoded, or as they stand where they are no code of anything. */
export function decoded(words: string): string {
  try {
    return decodeURIComponent(words)
  } catch {
    return words
  }
}
