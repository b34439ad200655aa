// Words as they are looked for: equal for all writings of one word, by the very table that the server folds with.
import table from '../../../../src/guahao/kernel/value/simplified.txt?raw'
import { circles, dots, narrow } from '@values/typed'

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

function folded(sign: string): string {
  if (circles.includes(sign)) return '\u3007'
  return dots.includes(sign) ? '' : (simplified.get(sign) ?? sign)
}

/** The search form of each typed word: one width, small letters, simplified characters. */
export function searchWords(typed: string): string[] {
  const plain = narrow(typed).toLowerCase().normalize('NFKC')
  return [...plain].map(folded).join('').split(' ').filter(Boolean)
}
