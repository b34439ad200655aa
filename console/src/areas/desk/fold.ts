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
const dots = '\u00b7\u2022\u2027\u2219\u22c5\u25cf\u2e31\u30fb\uff65\ua78f'

function folded(sign: string): string {
  return dots.includes(sign) ? '' : (simplified.get(sign) ?? sign)
}

/** The search form of each typed word: one width, small letters, simplified characters. */
export function searchWords(typed: string): string[] {
  const plain = narrow(typed).toLowerCase().normalize('NFKC')
  return [...plain].map(folded).join('').split(' ').filter(Boolean)
}
