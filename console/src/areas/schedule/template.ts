// Templates and single sessions as forms; without a screen.
import type { Body, Schemas } from '@/api/client'
import { isInOrder } from './hours'
import { texts } from '@/texts/schedule'

export type Template = Body<'get', '/api/v1/staff/hospitals/{hospital_id}/templates'>['items'][number]
export type PreviewedDay = Schemas['PreviewedDayOut']

export interface ClinicDraft {
  doctor_id: string
  department_id: string
  campus_id: string
  starts: string
  ends: string
  slot_min: number
  capacity_per_slot: number
  room: string
  level: Schemas['DoctorLevel']
  own_level: boolean
}

export interface TemplateDraft extends ClinicDraft {
  weekday: number
  valid_from: string
  valid_until: string
  on_holidays: Schemas['HolidayRule']
  sells_after_end: boolean
}

const noon = '12:00'
const evening = '17:30'

/** The part of the day a clinic belongs to, by its start. */
export function periodOf(starts: string): Schemas['Period'] {
  if (starts < noon) return 'morning'
  return starts < evening ? 'afternoon' : 'evening'
}

/** A clinic to be filled in; what is given and known stands in it already. */
export function emptyClinic(given: Partial<ClinicDraft> = {}): ClinicDraft {
  const known = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
  return {
    doctor_id: '',
    department_id: '',
    campus_id: '',
    starts: '08:00',
    ends: noon,
    slot_min: 30,
    capacity_per_slot: 5,
    room: '',
    level: 'general',
    own_level: false,
    ...known,
  }
}

export function emptyTemplate(validFrom: string): TemplateDraft {
  return {
    ...emptyClinic(),
    weekday: 0,
    valid_from: validFrom,
    valid_until: '',
    on_holidays: 'closed',
    sells_after_end: false,
  }
}

export function draftOf(template: Template): TemplateDraft {
  const { valid_until, id: _id, version: _version, period: _period, ...rest } = template
  return { ...rest, valid_until: valid_until ?? '' }
}

/** The request of a draft. A template keeps the part of the day it was made for. */
export function templateOf(draft: TemplateDraft, template: Template | null): Schemas['TemplateIn'] {
  return {
    ...draft,
    room: draft.room.trim(),
    valid_until: draft.valid_until || null,
    period: template?.starts === draft.starts ? template.period : periodOf(draft.starts),
  }
}

/** What keeps a clinic from being sent; '' when nothing does. */
export function isComplete(draft: ClinicDraft): boolean {
  const chosen = draft.doctor_id && draft.department_id && draft.campus_id && draft.room.trim()
  const hasHours = isInOrder(draft.starts, draft.ends)
  return Boolean(chosen) && hasHours && draft.slot_min >= 5 && draft.capacity_per_slot >= 1
}

export interface PreviewSum {
  made: number
  kept: number
  refused: number
}

export function sumOf(days: readonly PreviewedDay[]): PreviewSum {
  const kept = days.filter((day) => day.is_kept).length
  const refused = days.filter((day) => day.refused).length
  return { made: days.length - kept - refused, kept, refused }
}

export function outcomeOf(day: PreviewedDay): string {
  if (day.is_kept) return texts.previewKept
  return day.refused ? day.refused.title : texts.previewMade
}

/** A template that is in force on a day or will be later. */
export function isCurrent({ valid_until }: Template, today: string): boolean {
  return !valid_until || valid_until > today
}

/** What to say once a template is saved: also that it gives nothing on some days, and why not on the first. */
export function savedText({ not_made }: Schemas['TemplateSaved']): string {
  const why = not_made[0]?.refused?.title
  return why ? texts.templateSavedBut(not_made.length, why) : texts.templateSaved
}
