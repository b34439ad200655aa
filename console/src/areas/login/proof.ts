// What somebody typed into one field as proof: six digits are the app's, anything else is a recovery code.

export function proofOf(typed: string): { totp_code: string } | { recovery_code: string } {
  const plain = typed.replace(/\s/g, '')
  return /^[0-9]{6}$/.test(plain) ? { totp_code: plain } : { recovery_code: typed.trim() }
}
