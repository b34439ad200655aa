// What is different on one day, as a form and in words; without a screen.
import type { Body, Schemas } from '@/api/client'
import { timeRange } from '@/parts/format'
import { isInOrder } from './hours'
import { texts } from '@/texts/schedule'
import type { Template } from './template'

type Kind = Schemas['ExceptionKind']
export type Scope = keyof typeof texts.scopes
type Row = Body<'get', '/api/v1/staff/hospitals/{hospital_id}/exceptions'>['items'][number]
type NameOf = (id: string | null | undefined) => string

export interface ExceptionDraft {
  date: string
  kind: Kind
  scope: Scope
  template_id: string
  doctor_id: string
  substitute_id: string
  weekday: number
  starts: string
  ends: string
  capacity_per_slot: number
  room: string
  reason: string
}

export function emptyException(date: string): ExceptionDraft {
  return {
    date,
    kind: 'cancelled',
    scope: 'doctor',
    template_id: '',
    doctor_id: '',
    substitute_id: '',
    weekday: 0,
    starts: '08:00',
    ends: '12:00',
    capacity_per_slot: 5,
    room: '',
    reason: '',
  }
}

/** What each kind can be about. */
export const scopesOf: Record<Kind, Scope[]> = {
  cancelled: ['doctor', 'template', 'hospital'],
  changed: ['template'],
  substitute: ['doctor', 'template'],
  follow_weekday: ['hospital'],
}

/** Only what the kind and the scope need: the server refuses anything else. */
export function exceptionOf(draft: ExceptionDraft): Schemas['ExceptionIn'] {
  const { date, kind, reason, starts, ends, capacity_per_slot, room, substitute_id, weekday } = draft
  return {
    date,
    kind,
    reason: reason.trim(),
    ...(draft.scope === 'template' ? { template_id: draft.template_id } : {}),
    ...(draft.scope === 'doctor' ? { doctor_id: draft.doctor_id } : {}),
    ...(kind === 'changed' ? { starts, ends, capacity_per_slot, room: room.trim() } : {}),
    ...(kind === 'substitute' ? { substitute_id } : {}),
    ...(kind === 'follow_weekday' ? { weekday } : {}),
  }
}

/** Whether everything that the kind and the scope need is there. */
export function isWhole(draft: ExceptionDraft): boolean {
  const needed: Record<Kind, () => boolean> = {
    cancelled: () => true,
    changed: () =>
      isInOrder(draft.starts, draft.ends) && draft.capacity_per_slot > 0 && draft.room.trim() !== '',
    substitute: () => draft.substitute_id !== '' && draft.substitute_id !== draft.doctor_id,
    follow_weekday: () => true,
  }
  const named: Record<Scope, boolean> = {
    template: draft.template_id !== '',
    doctor: draft.doctor_id !== '',
    hospital: true,
  }
  return draft.date !== '' && draft.reason.trim() !== '' && named[draft.scope] && needed[draft.kind]()
}

/** Whether the template gives nothing on that day unless the day is worked as the template's weekday. */
export function isOtherWeekday(template: Template, date: string): boolean {
  return (new Date(date).getUTCDay() + 6) % 7 !== template.weekday
}

/** A template in words, to be chosen. */
export function templateText(template: Template, nameOf: NameOf): string {
  const time = timeRange(template.starts, template.ends)
  return [nameOf(template.doctor_id), texts.weekdays[template.weekday], time, template.room].join(' ')
}

export function scopeText(row: Row, template: Template | null, nameOf: NameOf): string {
  if (row.template_id) return template ? templateText(template, nameOf) : texts.scopes.template
  return row.doctor_id ? nameOf(row.doctor_id) : texts.scopes.hospital
}

export function effectText(row: Row, nameOf: NameOf): string {
  switch (row.kind) {
    case 'cancelled':
      return texts.kinds.cancelled
    case 'changed':
      return `${timeRange(row.starts, row.ends)} ${row.room ?? ''}`
    case 'substitute':
      return nameOf(row.substitute_id)
    case 'follow_weekday':
      return texts.weekdays[row.weekday ?? 0]
  }
}
