// How a changed value is told in "what changed" and in a conflict.
import { texts as frame } from '@/texts/app'
import { texts } from '@/texts/hospital'

type Words = Record<string, string>

const special: Record<string, (value: unknown) => string> = {
  picture_ids: (value) => texts.count((value as string[]).length),
  photo_id: (value) => (value ? texts.photoHave : texts.noPhoto),
  is_active: (value) => texts.states[String(value) as 'true' | 'false'],
}

function plain(value: unknown): string {
  const text = Array.isArray(value) ? value.join(texts.comma) : String(value ?? '')
  return text.replaceAll('\n', texts.comma) || frame.none
}

/** Values of the named members in their words, lists with commas; pictures as a count. */
export function shown(key: string, value: unknown, words: Record<string, Words> = {}): string {
  if (key in words) return words[key][String(value)] ?? plain(value)
  return key in special ? special[key](value) : plain(value)
}
