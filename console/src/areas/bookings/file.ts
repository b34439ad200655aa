// The file of one booking, and which of its deeds stand together on the page.
import type { Schemas } from '@/api/client'

export type File = Schemas['FileOut']
export type Deed = File['deeds'][number]
export type Step = File['timeline'][number]

export type CancelReason = 'patient' | 'excused' | 'hospital'
export const cancelReasons: CancelReason[] = ['patient', 'excused', 'hospital']

/** The deed of this name; the server always tells all of them. */
export function deedOf(file: File, name: Deed['name']): Deed | undefined {
  return file.deeds.find((deed) => deed.name === name)
}

/** What cancelling costs for each reason, as far as it can be done. */
export function cancelCosts(file: File): { reason: CancelReason; text: string }[] {
  return cancelReasons
    .map((reason) => ({ reason, deed: deedOf(file, `cancel_${reason}`) }))
    .filter(({ deed }) => deed?.is_allowed)
    .map(({ reason, deed }) => ({ reason, text: deed?.text ?? '' }))
}

/** A reason is kept in the trail: enough to understand it, no more than it takes. */
export function isReason(written: string): boolean {
  const { length } = written.trim()
  return length >= 4 && length <= 200
}
