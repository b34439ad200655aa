// Mainland mobile numbers.
export function isPhone(typed: string): boolean {
  return /^1[3-9]\d{9}$/.test(typed)
}
