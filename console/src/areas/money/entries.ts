// The columns in which entries of the books are shown.
import type { Body } from '@/api/client'
import type { Column } from '@/components/data-table'
import { dateTimeText, money } from '@/parts/format'
import { texts } from '@/texts/money'

export type Entry = Body<'get', '/api/v1/staff/ledger'>['items'][number]

const words = texts.ledger

export function entryColumns(isSortable: boolean): Column<Entry>[] {
  return [
    {
      key: 'occurred_at',
      title: texts.time,
      sortable: isSortable,
      width: '10rem',
      text: (row) => dateTimeText(row.occurred_at),
    },
    { key: 'kind', title: words.posting, text: (row) => words.postings[row.kind] },
    { key: 'debit', title: words.debit, text: (row) => words.accounts[row.debit] },
    { key: 'credit', title: words.credit, text: (row) => words.accounts[row.credit] },
    { key: 'part', title: words.part, text: (row) => words.parts[row.part] },
    { key: 'amount_fen', title: texts.amount, align: 'end', text: (row) => money(row.amount_fen) },
  ]
}
