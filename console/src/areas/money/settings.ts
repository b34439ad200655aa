// The payment settings as a form shows them: amounts in yuan, one line for each watch.
import type { Body, Schemas } from '@/api/client'
import { texts } from '@/texts/money'
import { fenOf, yuanOf } from './asking'

export type Settings = Body<'get', '/api/v1/staff/payment-settings'>
type WatchKind = Settings['watches'][number]['kind']

export interface WatchDraft {
  kind: WatchKind
  threshold: string
  window_min: number
  is_on: boolean
}
export interface Draft {
  version: number
  is_alipay_offered: boolean
  limit: string
  watches: Record<string, WatchDraft>
}

/** What this watch counts, fen or times. */
export const isMoney = (kind: string) => kind === 'large_refund'

export function draftOf(settings: Settings): Draft {
  const watches = settings.watches.map((one) => ({
    ...one,
    threshold: isMoney(one.kind) ? yuanOf(one.threshold) : String(one.threshold),
  }))
  return {
    version: settings.version,
    is_alipay_offered: settings.is_alipay_offered,
    limit: yuanOf(settings.second_person_over_fen),
    watches: Object.fromEntries(watches.map((one) => [one.kind, one])),
  }
}

function thresholdOf({ kind, threshold }: WatchDraft): number {
  return (isMoney(kind) ? fenOf(threshold) : Number(threshold)) ?? 0
}

/** What is sent; numbers that cannot be read become 0, which the server refuses by name. */
export function bodyOf(draft: Draft): Schemas['SettingsIn'] {
  return {
    version: draft.version,
    is_alipay_offered: draft.is_alipay_offered,
    second_person_over_fen: fenOf(draft.limit) ?? -1,
    watches: Object.values(draft.watches).map((one) => ({
      kind: one.kind,
      threshold: thresholdOf(one),
      window_min: one.window_min,
      is_on: one.is_on,
    })),
  }
}

/** One line of "what changed". */
export function watchesText(watches: Draft['watches']): string {
  const { watch } = texts.evidence
  const lines = Object.values(watches).map((one) => {
    const unit = isMoney(one.kind) ? texts.settings.yuan : texts.settings.count
    return `${texts.settings.kinds[one.kind]} ${watch(`${one.threshold} ${unit}`, one.window_min, one.is_on)}`
  })
  return texts.settings.together(lines)
}
