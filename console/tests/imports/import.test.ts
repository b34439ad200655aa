import { describe, expect, it } from 'vitest'
import {
  hasEnded,
  isUnchanged,
  outcomeText,
  placeOf,
  sheetsWithErrors,
  stateText,
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
    expect(stateText({ state: 'done', is_dry_run: true })).toBe(texts.clean)
    expect(stateText({ state: 'done', is_dry_run: false })).toBe(texts.states.done)
  })
  it('is unchanged when no sheet has anything new', () => {
    const sheet = { name: 'a', created: 0, updated: 0, unchanged: 5 }
    expect(isUnchanged({ sheets: [sheet, sheet] })).toBe(true)
    expect(isUnchanged({ sheets: [sheet, { ...sheet, updated: 1 }] })).toBe(false)
  })
  it('says so when nothing was filled in', () => {
    const none = { name: 'a', created: 0, updated: 0, unchanged: 0 }
    const said = (sheets: object[]) => outcomeText({ state: 'done', is_dry_run: true, sheets } as Import)
    expect(said([none, none])).toBe(texts.nothingInside)
    expect(said([none, { ...none, unchanged: 1 }])).toBe(texts.nothingNew)
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
