// What can be done with somebody's account besides changing it: each asked once, in its own verb.
import { api, type Schemas } from '@/api/client'
import { texts } from '@/texts/people'
import { needsSecond, type Member } from './member'

export interface Deed {
  verb: string
  title: string
  why: string
  done: string
  danger: boolean
  /** Takes the member as it is now: what others changed meanwhile does not hinder it. */
  run: (now: Member) => Promise<Schemas['InvitationOut'] | Schemas['ProposalOut'] | undefined>
}

export function deedsOf(member: Member): Deed[] {
  if (member.disabled_at !== null) return [enable(member)]
  return [...(member.has_second_factor ? [resetFactor(member)] : []), resetPassword(member), disable(member)]
}

async function setDisabled({ id, version }: Member, disabled: boolean): ReturnType<Deed['run']> {
  const answer = await api.patch('/api/v1/staff/members/{staff_id}', {
    path: { staff_id: id },
    body: { version, disabled },
  })
  return 'request_id' in answer ? answer : undefined
}

/** What is done at once, or the sentence that another administrator has to agree. */
function doneText(member: Member, done: string): string {
  return needsSecond(member.roles) ? texts.proposed : done
}

function disable(member: Member): Deed {
  return {
    verb: texts.disable,
    title: texts.disableTitle(member.name),
    why: texts.disableWhy,
    done: texts.disabled,
    danger: true,
    run: (now) => setDisabled(now, true),
  }
}

function enable(member: Member): Deed {
  return {
    verb: texts.enable,
    title: texts.enableTitle(member.name),
    why: texts.enableWhy,
    done: texts.proposed,
    danger: false,
    run: (now) => setDisabled(now, false),
  }
}

function resetFactor(member: Member): Deed {
  const { id, name } = member
  return {
    verb: texts.resetFactor,
    title: texts.resetFactorTitle(name),
    why: texts.resetFactorWhy,
    done: doneText(member, texts.factorReset),
    danger: true,
    run: () => api.delete('/api/v1/staff/members/{staff_id}/totp', { path: { staff_id: id } }),
  }
}

function resetPassword(member: Member): Deed {
  const { id, name } = member
  return {
    verb: texts.resetPassword,
    title: texts.resetPasswordTitle(name),
    why: texts.resetPasswordWhy,
    done: doneText(member, texts.passwordReset),
    danger: true,
    run: () => api.post('/api/v1/staff/members/{staff_id}/invitation', { path: { staff_id: id } }),
  }
}
