// Rows as forms hold them and as the server takes them; prices and pictures.
import { describe, expect, it } from 'vitest'
import { Refusal } from '@/api/client'
import { fenOf, feeBody, feeDraft, pricesNow, waits, type Fee } from '@/areas/hospital/fee'
import { swapped } from '@/areas/hospital/order'
import { fileFault } from '@/areas/hospital/picture'
import {
  added,
  campusBody,
  campusDraft,
  departmentBody,
  departmentDraft,
  limitText,
  newCampus,
  newDepartment,
  wordsOf,
} from '@/areas/hospital/rows'

describe('rows', () => {
  it('go through a form unchanged', () => {
    const campus = { ...newCampus, version: 2, latitude: 39.9, longitude: 116.4 }
    const { id: _, ...sent } = campus
    expect(campusBody(campusDraft(campus))).toEqual(sent)
    const { id: __, ...department } = { ...newDepartment, diseases: ['咳嗽', '发热'], min_age_years: 14 }
    expect(departmentBody(departmentDraft({ id: 'x', ...department }))).toEqual(department)
  })
  it('are not sent with half a point or ages upside down', () => {
    expect(() => campusBody({ ...campusDraft(newCampus), latitude: '39.9' })).toThrow(Refusal)
    const draft = { ...departmentDraft(newDepartment), min_age_years: '20', max_age_years: '10' }
    expect(() => departmentBody(draft)).toThrow(Refusal)
  })
  it('take emptied ages for no limit', () => {
    const draft = { ...departmentDraft(newDepartment), min_age_years: '', max_age_years: '' }
    expect(departmentBody(draft)).toMatchObject({ min_age_years: 0, max_age_years: 200 })
  })
  it('are sent without a version while they are new', () => {
    expect('version' in added(newCampus)).toBe(false)
  })
  it('keep diseases one a line', () => {
    expect(wordsOf(' 咳嗽\n\n发热、头痛；乏力 ')).toEqual(['咳嗽', '发热', '头痛', '乏力'])
  })
  it('say whom a department takes', () => {
    expect(limitText(newDepartment)).toBe('')
    expect(limitText({ sex_limit: 'female', min_age_years: 14, max_age_years: 200 })).toBe(
      '仅女，14 岁及以上',
    )
    expect(limitText({ sex_limit: null, min_age_years: 0, max_age_years: 14 })).toBe('14 岁及以下')
  })
  it('change places within their list', () => {
    expect(swapped(['a', 'b', 'c'], 1, -1)).toEqual(['b', 'a', 'c'])
    expect(swapped(['a', 'b'], 0, -1)).toEqual(['a', 'b'])
  })
})

describe('files', () => {
  it('are refused before they are sent', () => {
    expect(fileFault({ type: 'image/png', size: 10 })).toBe('')
    expect(fileFault({ type: 'image/svg+xml', size: 10 })).not.toBe('')
    expect(fileFault({ type: 'image/png', size: 11 * 1024 * 1024 })).not.toBe('')
  })
})

describe('prices', () => {
  const fee = (overrides: Partial<Fee>): Fee => ({
    id: '1',
    version: 1,
    kind: 'consultation',
    level: 'expert',
    doctor_code: null,
    doctor_name: null,
    fee_fen: 5000,
    effective_from: '2026-01-01',
    phase: 'current',
    ...overrides,
  })

  it.each([
    ['50', 5000],
    ['19.99', 1999],
    ['0', 0],
    ['100000', 10_000_000],
    ['100001', null],
    ['1.234', null],
    ['-1', null],
    ['', null],
  ])('%s yuan', (yuan, fen) => {
    expect(fenOf(yuan)).toBe(fen)
  })
  it('go through a form unchanged', () => {
    expect(feeBody(feeDraft(fee({ fee_fen: 1999 })))).toEqual({
      kind: 'consultation',
      level: 'expert',
      doctor_code: null,
      fee_fen: 1999,
      effective_from: '2026-01-01',
    })
    expect(() => feeBody({ ...feeDraft(fee({})), yuan: 'x' })).toThrow(Refusal)
    expect(() => feeBody({ ...feeDraft(fee({})), effective_from: '' })).toThrow(Refusal)
  })
  it('of a level are added up, those of one doctor left out', () => {
    const rows = [
      fee({}),
      fee({ kind: 'registration', fee_fen: 100 }),
      fee({ doctor_code: 'D', fee_fen: 9900 }),
      fee({ phase: 'planned', effective_from: '2027-02-01', fee_fen: 6000 }),
      fee({ phase: 'planned', effective_from: '2027-01-01', fee_fen: 5500 }),
    ]
    const [general, expert] = pricesNow(rows)
    expect(general.total).toBeNull()
    expect(expert).toMatchObject({ parts: { registration: 100, consultation: 5000 }, total: 5100 })
    expect(expert.planned.map(({ text }) => text)).toEqual([
      '2027-01-01 起 诊查费 ¥55.00',
      '2027-02-01 起 诊查费 ¥60.00',
    ])
  })
  it('that wait for somebody are known by their state', () => {
    expect(waits(fee({}))).toBe(false)
  })
})
