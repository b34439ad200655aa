// What can be done with somebody's account besides changing it: each asked once, in its own verb.
import { api, type Schemas } from '@/api/client'
import { texts } from '@/texts/people'
import type { Member } from './member'

export interface Deed {
  verb: string
  title: string
  why: string
  done: string
  danger: boolean
  /** Takes the member as it is now: what others changed meanwhile does not hinder it. */
  run: (now: Member) => Promise<Schemas['InvitationOut'] | undefined>
}

export function deedsOf(member: Member): Deed[] {
  if (member.disabled_at !== null) return [enable(member)]
  return [...(member.has_second_factor ? [resetFactor(member)] : []), resetPassword(member), disable(member)]
}

async function setDisabled({ id, version }: Member, disabled: boolean): Promise<undefined> {
  await api.patch('/api/v1/staff/members/{staff_id}', {
    path: { staff_id: id },
    body: { version, disabled },
  })
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
    done: texts.enabled,
    danger: false,
    run: (now) => setDisabled(now, false),
  }
}

function resetFactor({ id, name }: Member): Deed {
  return {
    verb: texts.resetFactor,
    title: texts.resetFactorTitle(name),
    why: texts.resetFactorWhy,
    done: texts.factorReset,
    danger: true,
    run: () => api.delete('/api/v1/staff/members/{staff_id}/totp', { path: { staff_id: id } }),
  }
}

function resetPassword({ id, name }: Member): Deed {
  return {
    verb: texts.resetPassword,
    title: texts.resetPasswordTitle(name),
    why: texts.resetPasswordWhy,
    done: texts.passwordReset,
    danger: true,
    run: () => api.post('/api/v1/staff/members/{staff_id}/invitation', { path: { staff_id: id } }),
  }
}
