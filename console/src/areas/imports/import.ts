// What an import says: whether it has ended, how far it is, its errors by sheet.
import type { Schemas } from '@/api/client'
import { texts } from '@/texts/imports'

export type Import = Schemas['ImportSeen']
export type RowError = Schemas['RowError']
export type RowTouches = Schemas['RowTouches']

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
export function stateText(one: Pick<Import, 'state' | 'is_dry_run' | 'error_count'>): string {
  if (one.state !== 'done') return texts.states[one.state]
  if (one.error_count) return texts.inPart
  return one.is_dry_run ? texts.clean : texts.states.done
}

export function stateTone({ state, error_count }: Pick<Import, 'state' | 'error_count'>): string {
  if (state === 'done') return error_count ? 'tag tag-warning' : 'tag tag-success'
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

function doneText(one: Import): string {
  if (one.error_count) return (one.is_dry_run ? texts.checkedInPart : texts.importedInPart)(refusedRows(one))
  if (!one.is_dry_run) return texts.imported
  return isUnchanged(one) ? texts.nothingNew : texts.checked
}

function refusedRows({ rows }: Pick<Import, 'rows'>): number {
  return rows.reduce((sum, { refused }) => sum + refused, 0)
}

/** What became of the rows of each sheet that has any, why some were skipped said in words. */
export function accountsOf({ rows }: Pick<Import, 'rows'>): { name: string; cells: string[] }[] {
  return rows
    .filter(({ seen }) => seen > 0)
    .map(({ name, seen, read, refused, skipped }) => ({
      name,
      cells: [String(seen), String(read), String(refused), skippedText(skipped)],
    }))
}

function skippedText(skipped: Record<string, number>): string {
  const words: Record<string, string> = texts.skippedReasons
  return (
    Object.entries(skipped)
      .map(([reason, count]) => texts.skippedRows(words[reason] ?? reason, count))
      .join(texts.between) || '0'
  )
}

/** Errors that stand at a row and concern the whole file: without its bad rows it would be refused alike. */
const ofTheFile = new Set(['unknown_column', 'column_twice', 'column_missing', 'far_cells', 'other_hospital'])

/** Whether the file may be imported without its bad rows: it was checked and refused for single rows only. */
export function mayLeaveOut({ state, is_dry_run, only_good_rows, errors }: Import): boolean {
  return (
    state === 'refused' &&
    is_dry_run &&
    !only_good_rows &&
    errors.every(({ sheet, row, code }) => sheet !== '' && row > 0 && !ofTheFile.has(code))
  )
}

/** Whether the file may be imported now: its check is done, or told what becomes of sessions differently since. */
export function mayApply(one: Import): boolean {
  if (one.state === 'refused') return !one.is_dry_run && one.confirm !== null
  return one.state === 'done' && one.is_dry_run && !isUnchanged(one)
}

export function applyText({ error_count, confirm, state }: Import): string {
  if (confirm !== null) return texts.applyTouching
  return state === 'done' && error_count ? texts.applyGoodRows : texts.apply
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
