// How typed values are read: as the server reads them (tests/values.json is shared with its tests).
const invisible = new RegExp(
  '[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb' +
    '\u{1d173}-\u{1d17a}\u{e0000}-\u{e0fff}]',
  'gu',
)

/** Widths made one, what shows nothing left out, single spaces. */
export function narrow(typed: string): string {
  return typed.replace(invisible, '').normalize('NFKC').trim().replace(/\s+/g, ' ')
}

/** Eleven digits however a mainland mobile is written; anything else stays what it is. */
export function mobile(typed: string): string {
  return narrow(typed)
    .replace(/[\u2010-\u2015\u2212]/g, '-')
    .replace(/[ \-().\/]/g, '')
    .replace(/^(\+|00)?86(?=1\d{10}$)/, '')
}

export function isMobile(typed: string): boolean {
  return /^1[3-9]\d{9}$/.test(mobile(typed))
}
