// How typed values are read: as the server reads them (tests/values.json is shared with its tests).
const invisible = new RegExp(
  '[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb' +
    '\u{1d173}-\u{1d17a}\u{e0000}-\u{e0fff}]',
  'gu',
)

// Radicals that look like characters, as copying from PDF files gives them; those of Kangxi NFKC knows.
const radicals = [
  ...'\u2e81\u2e8e\u2e92\u2e93\u2ea0\u2ec1\u2ec4\u2ec5\u2ec9\u2ecb\u2ed1\u2ed3\u2ed4\u2ed8\u2ed9\u2eda\u2edb\u2edc\u2edd\u2ee2\u2ee3\u2ee4\u2ee5\u2ee6\u2ee7\u2ee8\u2ee9\u2eea\u2eec\u2eee\u2ef0',
]
const characters = [
  0x5382, 0x5140, 0x5df3, 0x5e7a, 0x6c11, 0x864e, 0x897f, 0x89c1, 0x8d1d, 0x8f66, 0x9577, 0x957f, 0x95e8,
  0x9752, 0x97e6, 0x9875, 0x98ce, 0x98de, 0x98df, 0x9a6c, 0x9aa8, 0x9b3c, 0x9c7c, 0x9e1f, 0x5364, 0x9ea6,
  0x9ec4, 0x9efe, 0x9f50, 0x9f7f, 0x9f99,
]

function character(radical: string): string {
  const code = characters[radicals.indexOf(radical)]
  return code ? String.fromCharCode(code) : radical
}

/** Widths made one, what shows nothing left out, single spaces; a dot that NFKC would tear apart is U+00B7. */
export function narrow(typed: string): string {
  return typed
    .replace(invisible, '')
    .replace(/[\u2e80-\u2ef3]/g, character)
    .replace(/\u02d9/g, '\u00b7')
    .normalize('NFKC')
    .trim()
    .replace(/\s+/g, ' ')
}

/** Eleven digits however a mainland mobile is written; anything else stays what it is. */
export function mobile(typed: string): string {
  return narrow(typed)
    .replace(/[\u2010-\u2015\u2212]/g, '-')
    .replace(/[ \-().\/]/g, '')
    .replace(/^((\+|00)?86)+(?=1\d{10}$)/, '')
}

export function isMobile(typed: string): boolean {
  return /^1[3-9]\d{9}$/.test(mobile(typed))
}
