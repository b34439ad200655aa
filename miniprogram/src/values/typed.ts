// How typed values are read: as the server reads them (tests/values.json is shared with its tests).
const invisible = new RegExp(
  '[\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200f\\u202a-\\u202e\\u2060-\\u206f\\u3164\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff9-\\ufffb' +
    '\\u{1d173}-\\u{1d17a}\\u{e0000}-\\u{e0fff}]',
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
    .replace(/\u00b4/g, "'")
    .normalize('NFKC')
    .trim()
    .replace(/\s+/g, ' ')
}

/** Eleven digits however a mainland mobile is written; anything else stays what it is. */
export function mobile(typed: string): string {
  return narrow(typed)
    .replace(/[\u2010-\u2015\u2212]/g, '-')
    .replace(/[ \-().\/]/g, '')
    .replace(/^(?:(?:(?:\+|00)?86)+(?=1\d{10}$)|(?:(?:\+|00)?86)*0(?=1[3-9]\d{9}$))/, '')
}

export function isPhone(typed: string): boolean {
  return /^1[3-9]\d{9}$/.test(mobile(typed))
}

/** Signs that keyboards and documents put between the parts of a name. */
export const dots =
  '\u00b7\u119e\u1427\u16eb\u2022\u2027\u2219\u22c5\u25cf\u25e6\u2981\u2e31\u2e33\u30fb\ua78f\u{1f784}'
/** Circles that are meant as the character of zero. */
export const circles = '\u25cb\u25ef\u2b58'
const separators = new RegExp(`\\.|[ .]*[${dots}][ .${dots}]*`, 'gu')
const anyCircle = new RegExp(`[${circles}]`, 'g')
// Ideographs of every extension, those of the future and those under the private codes of GBK, whatever the phone's tables know.
const han = '\\u3005-\\u3007\\u3400-\\u9fff\\uf900-\\ufaff\\u{20000}-\\u{3ffff}\\ue815-\\ue864'
const isHan = new RegExp(`[${han}]`, 'u')
// Vowel signs are marks; marks that a letter of any script may carry compose with it, or stand in no name.
const nameSigns = new RegExp(
  `^[\\p{L}${han}](?:[\\p{L}\\p{M}${han}\u00b7.'\\- ]{0,48}[\\p{L}\\p{M}${han}.' ])$`,
  'u',
)
const looseMark =
  /[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\u302a-\u302f\u3099\u309a\ufe20-\ufe2f]/

/** Whether the server takes a name: two to fifty signs that documents print. */
export function isName(typed: string): boolean {
  if (/[\x00-\x1f\x7f-\x9f\u2028\u2029]/.test(typed.trim())) return false
  const name = narrow(typed)
    .replace(/[\u2018\u2019\u201b\u02b9\u02bb-\u02bf\u2032\u055a\ua78c`]/g, "'")
    .replace(/[\u2010-\u2015\u2212]/g, '-')
    .replace(anyCircle, String.fromCharCode(0x3007))
    .replace(/\u3002/g, '.')
  const read = withoutGaps(name.replace(separators, (dot) => (dot === '.' ? '.' : '\u00b7')))
  return (
    nameSigns.test(read) &&
    !looseMark.test(read) &&
    !(read.endsWith('.') && isHan.test([...read].slice(-2)[0]))
  )
}

/** No space stands between Chinese characters. Older phones know no look-behind in patterns. */
function withoutGaps(name: string): string {
  const words = name.split(' ')
  return words.reduce((read, word) => {
    const touch = isHan.test([...read].slice(-1)[0] ?? '') && isHan.test([...word][0] ?? '')
    return `${read}${touch ? '' : ' '}${word}`
  })
}
