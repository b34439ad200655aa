// What happened to an account, in words.
import type { Schemas } from '../api/client'
import { texts } from '../texts/account'
import { deviceText } from './device'
import { clockText, dayText } from './format'

export interface EventRow {
  id: string
  what: string
  when: string
  from: string
  isNew: boolean
}

export function rowOf(event: Schemas['SecurityEventOut']): EventRow {
  const { id, kind, at, address, device, patient_name: name, seen_at: seen } = event
  return {
    id,
    what: texts.eventKinds[kind](name ?? ''),
    when: `${dayText(at)} ${clockText(at)}`,
    from: address === null ? '' : texts.eventFrom(deviceText(device ?? ''), address),
    isNew: seen === null,
  }
}

export function newCount(events: Schemas['SecurityEventOut'][]): number {
  return events.filter(({ seen_at: seen }) => seen === null).length
}
