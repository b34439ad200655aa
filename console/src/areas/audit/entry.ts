// What an entry of the trail says, in words: who, what, to what.
import type { Schemas } from '@/api/client'
import { texts } from '@/texts/audit'

export type Entry = Schemas['EntryOut']

/** What auditors look for most; any other action can be typed. */
export const actions = [
  'list.export',
  'appointment.reveal',
  'person.find',
  'person.miss',
  'person.reveal',
  'person.release',
  'person.correct',
  'person.duplicate',
  'person.duplicate_check',
  'appointment.cancel',
  'appointment.excuse',
  'appointment.reschedule',
  'session.suspend',
  'session.addon',
  'rules.publish',
  'fee_change.approve',
  'refund.request',
  'refund.approve',
  'refund.hand_over',
  'payment.take_cash',
  'adjustment.approve',
  'case.resolve',
  'staff.create',
  'staff.change',
  'staff.invite',
  'staff.totp_reset',
  'control.propose',
  'control.approve',
  'login.open',
  'login.revoke',
]

/** "预约 · 取消" of appointment.cancel; a code without words stays as it is. */
export function actionText(action: string): string {
  const [kind, ...rest] = action.split('.')
  const deed = rest.join('.')
  return [texts.kinds[kind] ?? kind, texts.deeds[deed] ?? deed].filter(Boolean).join(' · ')
}

/** The name of a member of staff, else what kind of actor it was. */
export function actorText({ actor, actor_name: name }: Pick<Entry, 'actor' | 'actor_name'>): string {
  if (name) return name
  const kind = actor.split(':')[0]
  return texts.actors[kind as keyof typeof texts.actors] ?? actor
}

/** By whose hand the actor came to the access used: who acts after a reset may be somebody else. */
export function accessText(
  { by, by_name: name, action, other }: NonNullable<Entry['access']>,
  at: string,
): string {
  return texts.accessFrom(name ?? by, actionText(action), at, other !== null)
}

/** "预约 01980f3a" of appointment:01980f3a-…: enough to tell rows apart, the drawer has it whole. */
export function subjectText(subject: string): string {
  const [kind, id = ''] = subject.split(':')
  return [texts.kinds[kind] ?? kind, id.slice(0, 8)].filter(Boolean).join(' ')
}

/** The members of an entry's data, each as one line; what is nested stays JSON. */
export function factsOf(data: Record<string, unknown>): [string, string][] {
  return Object.entries(data).map(([key, value]) => [
    key,
    typeof value === 'object' && value !== null ? JSON.stringify(value, null, 1) : String(value),
  ])
}
