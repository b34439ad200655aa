// Words as they are looked for: equal for all writings of one word, by the very table that the server folds with.
import table from '../../../../src/guahao/kernel/value/simplified.txt?raw'
import { narrow } from '@/parts/values'

/** Signs outside the basic plane are two units each: pairs are cut by sign. */
const simplified = new Map(
  table
    .split('\n')
    .filter((line) => !line.startsWith('#'))
    .flatMap((line) => line.split(' '))
    .filter(Boolean)
    .map((pair): [string, string] => {
      const [traditional, ...rest] = pair
      return [traditional, rest.join('')]
    }),
)
const dots = '\u00b7\u16eb\u2022\u2027\u2219\u22c5\u25cf\u25e6\u2981\u2e31\u2e33\u30fb\ua78f\u{1f784}'
const circles = '\u25cb\u25ef\u2b58'

function folded(sign: string): string {
  if (circles.includes(sign)) return '\u3007'
  return dots.includes(sign) ? '' : (simplified.get(sign) ?? sign)
}

/** The search form of each typed word: one width, small letters, simplified characters. */
export function searchWords(typed: string): string[] {
  const plain = narrow(typed).toLowerCase().normalize('NFKC')
  return [...plain].map(folded).join('').split(' ').filter(Boolean)
}
