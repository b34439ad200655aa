// What the server tells once: an invitation, or half of one whose other half another administrator holds.
import type { Schemas } from '@/api/client'

export interface Told {
  name: string
  code: string
  until: string
  part: 'whole' | 'proposer' | 'approver'
}

/** Null for a step that makes no invitation, as a reset of the second factor. */
export function toldOf(name: string, answer: Schemas['InvitationOut'] | Schemas['ProposalOut']): Told | null {
  if ('code' in answer) return { name, code: answer.code, until: answer.expires_at, part: 'whole' }
  if (answer.code_part === null) return null
  return { name, code: answer.code_part, until: answer.expires_at, part: 'proposer' }
}
