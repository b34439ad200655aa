// Prices: what patients pay now, and a price as it is typed.
import { api, type Schemas } from '@/api/client'
import { money } from '@/parts/format'
import { texts } from '@/texts/hospital'
import { faulty, levels, type Level } from './rows'

export type Fee = Required<Schemas['FeeListed']>
export type FeeChange = Schemas['FeeChangeSeen']
export type Kind = Schemas['FeeKind']
export type Phase = Schemas['FeePhase']
export const kinds: Kind[] = ['registration', 'consultation']
export const toneOf: Record<Phase, string> = { past: '', current: 'tag-success', planned: 'tag-accent' }

const highestFen = 10_000_000

export interface FeeDraft {
  id: string
  version: number
  kind: Kind
  level: Level
  doctor_code: string | null
  /** As typed. */
  yuan: string
  effective_from: string
}

/** 5000 of "50" or "50.00"; null when it is no price. */
export function fenOf(yuan: string): number | null {
  if (!/^\d{1,6}(\.\d{1,2})?$/.test(yuan.trim())) return null
  const fen = Math.round(Number(yuan) * 100)
  return fen <= highestFen ? fen : null
}

export function feeDraft(row: Schemas['FeeSeen']): FeeDraft {
  const { id, version, level, effective_from, fee_fen } = row
  return {
    id,
    version,
    level,
    effective_from,
    kind: row.kind ?? 'consultation',
    doctor_code: row.doctor_code ?? null,
    yuan: (fee_fen / 100).toFixed(2),
  }
}

export function feeBody({ kind, level, doctor_code, yuan, effective_from }: FeeDraft): Schemas['FeeIn'] {
  const fee_fen = fenOf(yuan)
  if (fee_fen === null) throw faulty(texts.feeFault)
  if (!effective_from) throw faulty(texts.feeDayMissing)
  return { kind, level, doctor_code, fee_fen, effective_from }
}

/** A large change is answered as what waits for a second person. */
export function waits(answer: Schemas['FeeSeen'] | FeeChange): answer is FeeChange {
  return 'state' in answer
}

export interface Price {
  level: Level
  parts: Record<Kind, number | null>
  /** What a patient pays; null while no part has a price. */
  total: number | null
  planned: { day: string; text: string }[]
}

/** What each level costs where a doctor has no price of their own. */
export function pricesNow(rows: readonly Fee[]): Price[] {
  const general = rows.filter(({ doctor_code }) => doctor_code === null)
  const current = (level: Level, kind: Kind) =>
    general.find((row) => row.phase === 'current' && row.level === level && row.kind === kind)?.fee_fen ??
    null
  return levels.map((level) => {
    const parts = {
      registration: current(level, 'registration'),
      consultation: current(level, 'consultation'),
    }
    const known = Object.values(parts).filter((fen) => fen !== null)
    const planned = general
      .filter((row) => row.phase === 'planned' && row.level === level)
      .toSorted((one, other) => one.effective_from.localeCompare(other.effective_from))
      .map((row) => ({
        day: row.effective_from,
        text: texts.feeFrom(row.effective_from, `${texts.feeKinds[row.kind]} ${money(row.fee_fen)}`),
      }))
    return { level, parts, planned, total: known.length ? known.reduce((sum, fen) => sum + fen, 0) : null }
  })
}

/** "专家的诊查费", "李医生的挂号费". */
export function whatOf(row: Pick<Fee, 'kind' | 'level' | 'doctor_name'>): string {
  return texts.feeWhat(texts.feeKinds[row.kind], texts.levels[row.level], row.doctor_name ?? '')
}

/** Every price of these phases, page by page. */
export async function everyFee(
  hospitalId: string,
  query: { phase?: Phase; kind?: Kind; level?: Level; q?: string },
  signal?: AbortSignal,
): Promise<Fee[]> {
  const rows: Fee[] = []
  let cursor: string | undefined
  do {
    const page: { items: Schemas['FeeListed'][]; next_cursor?: string | null } = await api.get(
      '/api/v1/staff/hospitals/{hospital_id}/fees',
      { path: { hospital_id: hospitalId }, query: { ...query, cursor, limit: 100 }, signal },
    )
    rows.push(...(page.items as Fee[]))
    cursor = page.next_cursor ?? undefined
  } while (cursor)
  return rows
}
