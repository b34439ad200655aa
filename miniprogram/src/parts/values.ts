// How typed values are read: as the server reads them (tests/values.json is shared with its tests).
const invisible = new RegExp(
  '[\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200f\\u202a-\\u202e\\u2060-\\u206f\\u3164\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff9-\\ufffb' +
    '\\u{1d173}-\\u{1d17a}\\u{e0000}-\\u{e0fff}]',
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

export function isPhone(typed: string): boolean {
  return /^1[3-9]\d{9}$/.test(mobile(typed))
}

const dots =
  /\.|[ .]*[\u00b7\u2022\u2027\u2219\u22c5\u25cf\u2e31\u30fb\ua78f][ \u00b7\u2022\u2027\u2219\u22c5\u25cf\u2e31\u30fb\ua78f]*/gu
// Ideographs of every extension, those of the future and those under the private codes of GBK, whatever the phone's tables know.
const han = '\\u3005-\\u3007\\u3400-\\u9fff\\uf900-\\ufaff\\u{20000}-\\u{3ffff}\\ue815-\\ue864'
const isHan = new RegExp(`[${han}]`, 'u')
const nameSigns = new RegExp(`^[\\p{L}${han}](?:[\\p{L}${han}\u00b7.'\\- ]{0,48}[\\p{L}${han}.' ])$`, 'u')

/** Whether the server takes a name: two to fifty signs that documents print. */
export function isName(typed: string): boolean {
  if (/[\x00-\x1f\x7f-\x9f\u2028\u2029]/.test(typed.trim())) return false
  const name = narrow(typed)
    .replace(/[\u2018\u2019\u02bc\u2032`]/g, "'")
    .replace(/[\u2010\u2011\u2013\u2212]/g, '-')
  return nameSigns.test(withoutGaps(name.replace(dots, (dot) => (dot === '.' ? '.' : '\u00b7'))))
}

/** No space stands between Chinese characters. Older phones know no look-behind in patterns. */
function withoutGaps(name: string): string {
  const words = name.split(' ')
  return words.reduce((read, word) => {
    const touch = isHan.test([...read].slice(-1)[0] ?? '') && isHan.test([...word][0] ?? '')
    return `${read}${touch ? '' : ' '}${word}`
  })
}
