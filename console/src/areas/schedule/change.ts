// A change to many sessions as a form and in words; without a screen.
import type { Body, Schemas } from '@/api/client'
import { addDays, dateTimeText, dayText } from '@/parts/format'
import { texts } from '@/texts/schedule'
import { mondayOf, hoursOf } from './calendar'

export type Change = Schemas['ScheduleChangeOut']
export type ChangeItem = Schemas['ScheduleChangeItemOut']
export type ChangeBody = Body<'get', '/api/v1/staff/schedule-changes/{change_id}'>
type Look = NonNullable<ChangeItem['before']>
type Kind = Schemas['ChangeKind']

export interface ChangeDraft {
  kind: Kind
  department: string
  doctor: string
  /** Any day of the week copied from, and of the week copied to. */
  fromWeek: string
  toWeek: string
  withHolidays: boolean
  from: string
  to: string
  room: string
  capacity: number | ''
  releaseDays: number | ''
  releaseTime: string
}

/** The next week copied from this one, which is what is wanted most. */
export function emptyChange(day: string, department = ''): ChangeDraft {
  const monday = mondayOf(day)
  return {
    kind: 'copy_week',
    department,
    doctor: '',
    fromWeek: monday,
    toWeek: addDays(monday, 7),
    withHolidays: false,
    from: monday,
    to: addDays(monday, 6),
    room: '',
    capacity: '',
    releaseDays: '',
    releaseTime: '07:00',
  }
}

/** Whether a draft says enough to be asked for. */
export function isAsked(draft: ChangeDraft): boolean {
  if (draft.kind === 'copy_week') return isCopy(draft)
  return isSpan(draft) && (draft.kind !== 'set' || setsSomething(draft))
}

function isCopy({ fromWeek, toWeek }: ChangeDraft): boolean {
  return fromWeek !== '' && toWeek !== '' && mondayOf(fromWeek) !== mondayOf(toWeek)
}
function isSpan({ from, to }: ChangeDraft): boolean {
  return from !== '' && to !== '' && from <= to
}
function setsSomething({ room, capacity, releaseDays }: ChangeDraft): boolean {
  return room.trim() !== '' || capacity !== '' || releaseDays !== ''
}

/** The request of a draft: only what its kind needs. */
export function changeOf(draft: ChangeDraft): Schemas['ScheduleChangeIn'] {
  const whom = {
    department_id: draft.department || null,
    doctor_ids: draft.doctor ? [draft.doctor] : null,
  }
  const selected = { from: draft.from, to: draft.to, ...whom }
  switch (draft.kind) {
    case 'copy_week':
      return {
        kind: 'copy_week',
        from_week: mondayOf(draft.fromWeek),
        to_week: mondayOf(draft.toWeek),
        with_holidays: draft.withHolidays,
        ...whom,
      }
    case 'set':
      return { kind: 'set', ...selected, ...wishOf(draft) }
    default:
      return { kind: draft.kind, ...selected }
  }
}

function wishOf({ room, capacity, releaseDays, releaseTime }: ChangeDraft) {
  const given = (value: number | '') => (value === '' ? null : value)
  return {
    room: room.trim() || null,
    capacity_per_slot: given(capacity),
    release_days_before: given(releaseDays),
    release_time: releaseDays === '' ? null : releaseTime,
  }
}

/** What of a session a change may move, in words. */
export function lookText(look: Look, other: Look | null): string {
  const parts = [texts.states[look.state === 'finished' ? 'closed' : look.state], look.room]
  parts.push(texts.places(look.capacities))
  if (!other || other.release_at !== look.release_at) {
    parts.push(texts.releaseAt(dateTimeText(look.release_at)))
  }
  return parts.join(texts.dot)
}

export function beforeText({ before, after }: ChangeItem): string {
  return before ? lookText(before, after) : texts.notYet
}

export function afterText({ before, after }: ChangeItem): string {
  if (!after) return texts.gone
  return before ? lookText(after, before) : `${texts.newDraft}${texts.dot}${lookText(after, null)}`
}

/** Whose session it is and when: the look that stands, or the one that would. */
export function lookOf({ before, after }: ChangeItem): Look {
  const look = before ?? after
  if (!look) throw new TypeError('an item is about a session')
  return look
}

export function whenText(item: ChangeItem): string {
  const look = lookOf(item)
  return `${dayText(look.date)} ${hoursOf(look)}`
}

/** The days that a change was about. */
export function spanText({ kind, since, until, days_later }: Change): string {
  return kind === 'copy_week' ? texts.copied(since, addDays(since, days_later)) : texts.spanned(since, until)
}
