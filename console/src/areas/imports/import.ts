// What an import says: whether it has ended, how far it is, its errors by sheet.
import type { Schemas } from '@/api/client'
import { texts } from '@/texts/imports'

export type Import = Schemas['ImportSeen']
export type RowError = Schemas['RowError']

export const xlsx = 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet'
const mostBytes = 20 * 1024 * 1024

export function hasEnded({ state }: Pick<Import, 'state'>): boolean {
  return state === 'done' || state === 'refused' || state === 'failed'
}

/** Why these files cannot be sent; nothing when the one there is can. */
export function wrongWith(files: readonly Pick<File, 'name' | 'size'>[]): string | undefined {
  if (files.length !== 1) return texts.oneOnly
  const [{ name, size }] = files
  if (!/\.xlsx$/i.test(name)) return texts.notXlsx
  return size > mostBytes ? texts.tooLarge : undefined
}

export function isUnchanged({ sheets }: Pick<Import, 'sheets'>): boolean {
  return sheets.every(({ created, updated }) => created + updated === 0)
}

/** What stands in the list and above the outcome. */
export function stateText(one: Pick<Import, 'state' | 'is_dry_run'>): string {
  return one.state === 'done' && one.is_dry_run ? texts.clean : texts.states[one.state]
}

export function stateTone({ state }: Pick<Import, 'state'>): string {
  if (state === 'done') return 'tag tag-success'
  if (state === 'refused') return 'tag tag-warning'
  return state === 'failed' ? 'tag tag-danger' : 'tag tag-accent'
}

/** What has happened so far, or in the end, and what to do then. */
export function outcomeText(one: Import): string {
  const words = {
    waiting: () => texts.waiting,
    running: () => (one.total ? '' : texts.reading),
    refused: () => texts.refused(one.error_count),
    failed: () => texts.failed,
    done: () => doneText(one),
  }
  return words[one.state]()
}

/** As a template is that nobody has filled in. */
function isEmpty({ sheets }: Pick<Import, 'sheets'>): boolean {
  return sheets.every(({ created, updated, unchanged }) => created + updated + unchanged === 0)
}

function doneText(one: Import): string {
  if (isEmpty(one)) return texts.nothingInside
  if (!one.is_dry_run) return texts.imported
  return isUnchanged(one) ? texts.nothingNew : texts.checked
}

/** The sheets that have errors, in the order of the file, each with how many. */
export function sheetsWithErrors(errors: readonly RowError[]): { sheet: string; count: number }[] {
  const counts = new Map<string, number>()
  for (const { sheet } of errors) counts.set(sheet, (counts.get(sheet) ?? 0) + 1)
  return [...counts].map(([sheet, count]) => ({ sheet, count }))
}

export function placeOf({ sheet, row }: Pick<RowError, 'sheet' | 'row'>): string {
  if (!sheet) return texts.wholeFile
  return row === 0 ? texts.wholeSheet : String(row)
}
