// A row of a list that is read as a whole.
import { Refusal } from '@/api/client'
import { texts } from '@/texts/app'

/** The row with this id; throws what the server would answer when it has gone. */
export function found<T extends { id: string }>(rows: readonly T[], id: string): T {
  const row = rows.find((one) => one.id === id)
  if (!row) throw new Refusal('not-found', texts.lost.title, 404, null, {})
  return row
}
