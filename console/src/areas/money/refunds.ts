// What a refund is, what happens next with it, and how its deeds are called and done.
import { api, type Body } from '@/api/client'
import { dayText } from '@/parts/format'
import { texts } from '@/texts/money'

export type Refund = Body<'get', '/api/v1/staff/refunds/{refund_id}'>
export type Deed = Refund['deeds'][number]
export type RefundState = Refund['state']

const { nexts, deeds, whys } = texts.refunds

export const stateTags: Record<RefundState, string> = {
  awaiting_approval: 'tag-warning',
  requested: 'tag-accent',
  submitted: 'tag-accent',
  success: 'tag-success',
  abnormal: 'tag-danger',
  manual: 'tag-warning',
  closed: 'tag-danger',
  rejected: '',
}

/** How somebody who did something is called. */
export function nameOf(names: Record<string, string>, actor: string | null): string {
  return actor === null ? '' : (names[actor] ?? texts.system)
}

function nextWhenStuck(refund: Refund): string {
  if (refund.recalled_at) return nexts.recalled
  if (refund.recalled_by) return nexts.recalling
  if (refund.recall_asked_by) return nexts.recallAsked
  if (!refund.channel_refund_id) return nexts.refused
  return refund.channel.startsWith('wechat') ? nexts.stuck : nexts.stuckAlipay
}

/** What happens with a refund now, and who has to do something. */
export function nextStep(refund: Refund): string {
  const steps: Record<RefundState, () => string> = {
    awaiting_approval: () => nexts.awaiting_approval,
    requested: () => (refund.channel === 'cash' ? nexts.requestedCash : nexts.requestedOnline),
    submitted: () => nexts.submitted(dayText(refund.expected_by)),
    success: () => (refund.settled_by ? nexts.handedOver : nexts.arrived),
    abnormal: () => nextWhenStuck(refund),
    manual: () => nexts.manual(nameOf(refund.names, refund.settled_by)),
    closed: () => nexts.closed,
    rejected: () => nexts.rejected,
  }
  return steps[refund.state]()
}

export interface DeedWords {
  verb: string
  why: string
  needsNote: boolean
  isDanger: boolean
}

/** How a deed is called for this refund: confirming that somebody got cash is not approving. */
export function wordsOf(refund: Refund, deed: Deed): DeedWords {
  const isHandedOver = refund.state === 'manual'
  const decided: Partial<Record<Deed, 'confirm' | 'deny'>> = { approve: 'confirm', reject: 'deny' }
  const name = (isHandedOver && decided[deed]) || deed
  const isAgreed = deed === 'recall' && refund.recall_asked_by !== null && refund.recalled_by === null
  return {
    verb: isAgreed ? deeds.recallAgree : deeds[name],
    why: whys[name],
    needsNote: deed === 'reject' || deed === 'hand_over',
    isDanger: deed === 'reject',
  }
}

/** Do it; answers the refund as it stands then. */
export function perform(refund: Refund, deed: Deed, note: string, once: string): Promise<Refund> {
  const path = { refund_id: refund.id }
  const calls: Record<Deed, () => Promise<Refund>> = {
    approve: () => api.post('/api/v1/staff/refunds/{refund_id}/approve', { path, once }),
    reject: () => api.post('/api/v1/staff/refunds/{refund_id}/reject', { path, body: { note }, once }),
    retry: () => api.post('/api/v1/staff/refunds/{refund_id}/retry', { path, once }),
    hand_over: () => api.post('/api/v1/staff/refunds/{refund_id}/hand-over', { path, body: { note }, once }),
    recall: () => api.post('/api/v1/staff/refunds/{refund_id}/recall', { path }),
  }
  return calls[deed]()
}
