import { describe, expect, it } from 'vitest'
import {
  accountsOf,
  applyText,
  hasEnded,
  isUnchanged,
  mayApply,
  mayLeaveOut,
  outcomeText,
  placeOf,
  sheetsWithErrors,
  stateText,
  stateTone,
  wrongWith,
  type Import,
} from '@/areas/imports/import'
import { texts } from '@/texts/imports'

const error = (sheet: string, row: number) => ({ sheet, row, column: '', value: '', code: 'x', title: '' })

describe('a file to import', () => {
  it('is one workbook of at most 20 MB', () => {
    expect(wrongWith([{ name: 'a.XLSX', size: 20 * 1024 * 1024 }])).toBeUndefined()
    expect(wrongWith([{ name: 'a.xls', size: 1 }])).toBe(texts.notXlsx)
    expect(wrongWith([{ name: 'a.xlsx', size: 20 * 1024 * 1024 + 1 }])).toBe(texts.tooLarge)
    expect(
      wrongWith([
        { name: 'a.xlsx', size: 1 },
        { name: 'b.xlsx', size: 1 },
      ]),
    ).toBe(texts.oneOnly)
  })
})

describe('an import', () => {
  it('has ended when it is done, refused or given up', () => {
    expect(
      (['waiting', 'running', 'done', 'refused', 'failed'] as const).map((state) => hasEnded({ state })),
    ).toEqual([false, false, true, true, true])
  })
  it('says of a check without errors that there are none', () => {
    const done = { state: 'done', error_count: 0 } as const
    expect(stateText({ ...done, is_dry_run: true })).toBe(texts.clean)
    expect(stateText({ ...done, is_dry_run: false })).toBe(texts.states.done)
    expect(stateText({ ...done, is_dry_run: false, error_count: 2 })).toBe(texts.inPart)
  })
  it('is unchanged when no sheet has anything new', () => {
    const sheet = { name: 'a', created: 0, updated: 0, unchanged: 5 }
    expect(isUnchanged({ sheets: [sheet, sheet] })).toBe(true)
    expect(isUnchanged({ sheets: [sheet, { ...sheet, updated: 1 }] })).toBe(false)
  })
  it('says how many rows are left out', () => {
    const rows = [{ name: 'a', seen: 4, read: 1, refused: 2, skipped: { heading: 1 } }]
    const one = { state: 'done', error_count: 3, rows, sheets: [] as object[] }
    expect(outcomeText({ ...one, is_dry_run: true } as unknown as Import)).toBe(texts.checkedInPart(2))
    expect(outcomeText({ ...one, is_dry_run: false } as unknown as Import)).toBe(texts.importedInPart(2))
  })
  it('accounts for every row of each sheet that has any', () => {
    const none = { name: 'b', seen: 0, read: 0, refused: 0, skipped: {} }
    const rows = [{ name: 'a', seen: 6, read: 1, refused: 2, skipped: { heading: 1, example: 2 } }, none]
    expect(accountsOf({ rows })).toEqual([{ name: 'a', cells: ['6', '1', '2', '列名 1、示例 2'] }])
  })
  it('may leave out bad rows after a check that found errors in single rows only', () => {
    const refused = { state: 'refused', is_dry_run: true, only_good_rows: false, errors: [error('a', 3)] }
    expect(mayLeaveOut(refused as Import)).toBe(true)
    expect(mayLeaveOut({ ...refused, errors: [error('a', 0)] } as Import)).toBe(false)
    const missing = { ...error('a', 1), code: 'column_missing' }
    expect(mayLeaveOut({ ...refused, errors: [missing, error('a', 3)] } as Import)).toBe(false)
    expect(mayLeaveOut({ ...refused, only_good_rows: true } as Import)).toBe(false)
    expect(mayLeaveOut({ ...refused, is_dry_run: false } as Import)).toBe(false)
  })
})

describe('errors', () => {
  it('are counted by sheet in the order of the file', () => {
    expect(sheetsWithErrors([error('b', 2), error('a', 1), error('b', 9)])).toEqual([
      { sheet: 'b', count: 2 },
      { sheet: 'a', count: 1 },
    ])
  })
  it('say where they are: a row, a sheet, the file', () => {
    expect([error('a', 7), error('a', 0), error('', 0)].map(placeOf)).toEqual([
      '7',
      texts.wholeSheet,
      texts.wholeFile,
    ])
  })
})

describe('a file that touches sessions', () => {
  const told = {
    state: 'done',
    is_dry_run: true,
    error_count: 0,
    confirm: 'x',
    sheets: [{ name: '科室', created: 0, updated: 1, unchanged: 0 }],
  } as unknown as Import

  it('is imported knowingly, after its check or when that is out of date', () => {
    expect([mayApply(told), applyText(told)]).toEqual([true, texts.applyTouching])
    expect(mayApply({ ...told, state: 'refused', is_dry_run: false })).toBe(true)
  })
  it('is not offered again for other faults, nor once it is done', () => {
    expect(mayApply({ ...told, state: 'refused', is_dry_run: false, confirm: null })).toBe(false)
    expect(mayApply({ ...told, is_dry_run: false })).toBe(false)
  })
})

it('an import of a part of the rows is marked as one to look at', () => {
  expect(stateTone({ state: 'done', error_count: 2 })).toBe('tag tag-warning')
  expect(stateTone({ state: 'done', error_count: 0 })).toBe('tag tag-success')
})
