// What the pages say of a member of staff, and which roles somebody may have.
import type { Schemas } from '@/api/client'
import { texts as frame } from '@/texts/app'
import { texts } from '@/texts/people'

export type Member = Schemas['MemberOut']
export type Role = Schemas['Role']

export const roles: Role[] = [
  'platform_admin',
  'hospital_admin',
  'desk',
  'nurse',
  'doctor',
  'finance',
  'auditor',
]
const ofPlatform: Role[] = ['platform_admin', 'finance', 'auditor']

/** The roles that people of a hospital, or of the platform itself, may have. */
export function rolesFor(hospitalId: string | null): Role[] {
  return hospitalId === null ? ofPlatform : roles.filter((role) => role !== 'platform_admin')
}

const ofControl: Role[] = ['platform_admin', 'hospital_admin', 'finance', 'auditor']

/** Whether these roles are given by two administrators only; the server decides, this tells beforehand. */
export function needsSecond(given: readonly Role[], before: readonly Role[] = []): boolean {
  return given.some((role) => ofControl.includes(role) && !before.includes(role))
}

export function roleNames(given: readonly Role[]): string {
  return given.map((role) => frame.frame.roles[role]).join(texts.comma)
}

export type State = keyof typeof texts.states

export function stateOf(member: Pick<Member, 'disabled_at' | 'has_password'>): State {
  if (member.disabled_at !== null) return 'disabled'
  return member.has_password ? 'active' : 'invited'
}

export const toneOf: Record<State, string> = {
  active: 'tag-success',
  disabled: 'tag-danger',
  invited: 'tag-warning',
}

/** The username that the server would take: a letter and three to 31 more. */
export function isUsername(given: string): boolean {
  return /^[A-Za-z][A-Za-z0-9_.-]{3,31}$/.test(given)
}
