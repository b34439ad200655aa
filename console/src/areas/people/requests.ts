// What a request of another administrator is about in words, and deciding about it.
import { api, type Schemas } from '@/api/client'
import { money } from '@/parts/format'
import { texts as people } from '@/texts/people'
import { roleNames, type Role } from './member'
import type { Told } from './told'

export type Request = Schemas['ControlRequestOut']
export type Decision = 'approve' | 'reject' | 'withdraw'

/** Whom or what it is about: name, username and roles, or the limits that would be looser. */
export function describe({ detail }: Pick<Request, 'detail'>): string {
  if (Array.isArray(detail.weakened)) {
    return people.asking.looser((detail.weakened as string[]).map((name) => limitText(detail, name)))
  }
  return people.asking.person(String(detail.name), String(detail.username), roleNames(detail.roles as Role[]))
}

interface Limits {
  second_person_over_fen: number
  watches: Record<string, [threshold: number, windowMin: number, isOn: number]>
}

/** One limit as it is and as it would be: the approver decides about the numbers. */
function limitText(detail: Request['detail'], name: string): string {
  const [before, after] = [detail.before as Limits, detail.after as Limits]
  if (name === 'second_person_over_fen') {
    return people.asking.money(money(before.second_person_over_fen), money(after.second_person_over_fen))
  }
  const kind = name.replace('watches.', '')
  const written = (limits: Limits) => people.asking.watch(...limits.watches[kind])
  return people.asking.changed(people.asking.watches(kind), written(before), written(after))
}

/** Answers the approver's half of an invitation, where one was made. */
export async function decide(request: Request, decision: Decision): Promise<Told | undefined> {
  const path = { request_id: request.id }
  if (decision === 'reject') {
    await api.post('/api/v1/staff/control-requests/{request_id}/rejection', { path })
  } else if (decision === 'withdraw') {
    await api.delete('/api/v1/staff/control-requests/{request_id}', { path })
  } else if (request.kind === 'loosen_control') {
    await api.post('/api/v1/staff/payment-settings/requests/{request_id}/approval', { path })
  } else {
    return toldOf(request, await api.post('/api/v1/staff/control-requests/{request_id}/approval', { path }))
  }
  return undefined
}

function toldOf({ detail }: Request, answer: Schemas['ApprovalOut']): Told | undefined {
  if (answer.code_part === null || answer.expires_at === null) return undefined
  return { name: String(detail.name), code: answer.code_part, until: answer.expires_at, part: 'approver' }
}
