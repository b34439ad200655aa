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
/** Each watch is a member of its own: two people who change different ones both keep their change. */
export interface Draft extends Partial<Record<WatchKind, WatchDraft>> {
  version: number
  is_alipay_offered: boolean
  limit: string
}

const kinds = Object.keys(texts.settings.kinds) as WatchKind[]

export function watchesOf(draft: Draft): WatchDraft[] {
  return kinds.flatMap((kind) => draft[kind] ?? [])
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
    ...Object.fromEntries(watches.map((one) => [one.kind, one])),
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
    watches: watchesOf(draft).map((one) => ({
      kind: one.kind,
      threshold: thresholdOf(one),
      window_min: one.window_min,
      is_on: one.is_on,
    })),
  }
}

/** How a value stands in "what changed". */
export function shownValue(key: string, value: unknown): string {
  if (key === 'limit') return String(value)
  if (key === 'is_alipay_offered') return value ? texts.evidence.yes : texts.evidence.no
  const { kind, threshold, window_min: minutes, is_on: isOn } = value as WatchDraft
  const unit = isMoney(kind) ? texts.settings.yuan : texts.settings.count
  return texts.evidence.watch(`${threshold} ${unit}`, minutes, isOn)
}
