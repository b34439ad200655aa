// How a page describes the columns of a table.
import { texts } from '@/texts/app'

export interface Column<T> {
  /** The member shown, unless `text` or the slot `cell-<key>` says otherwise; also the name by which it is sorted. */
  key: string
  title: string
  text?: (row: T) => string
  /** The server can sort by it. */
  sortable?: boolean
  /** Numbers and money stand at the end. */
  align?: 'start' | 'end'
  /** A CSS width, as '8rem'; others share what is left. */
  width?: string
}

export function textOf<T extends object>(column: Column<T>, row: T): string {
  const value = column.text ? column.text(row) : (row as Record<string, unknown>)[column.key]
  return value === null || value === undefined || value === '' ? texts.none : String(value)
}
