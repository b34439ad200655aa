// The department tree as two columns, and what a department says of whom it sees.
import type { Schemas } from '../api/client'
import { say } from '../texts/catalog'

export type Department = Schemas['DepartmentOut']

export interface Leaf {
  id: string
  name: string
  note: string
}

export interface Group {
  id: string
  name: string
  /** how a screen reader says it when it is chosen */
  chosenLabel: string
  leaves: Leaf[]
}

/** Oldest age the server knows; a department that goes so far has no upper limit. */
const noUpperAge = 120

/** 只接诊女性，只接诊 14 岁及以下的就诊人，预约时会核对; empty when everybody may come. */
export function limitsOf(
  department: Pick<Department, 'sex_limit' | 'min_age_years' | 'max_age_years'>,
): string {
  const parts = [department.sex_limit ? say.sexOnly[department.sex_limit] : '', agesOf(department)].filter(
    Boolean,
  )
  return parts.length ? say.limits(parts) : ''
}

function agesOf({
  min_age_years: least,
  max_age_years: most,
}: Pick<Department, 'min_age_years' | 'max_age_years'>): string {
  const bounded = most < noUpperAge
  if (least > 0 && bounded) return say.agesBetween(least, most)
  if (least > 0) return say.agesFrom(least)
  return bounded ? say.agesUntil(most) : ''
}

/** Left column: the tree's first level; right column: all departments below it that have doctors of their own. */
export function groupsOf(tree: readonly Department[]): Group[] {
  return tree.map((top) => ({
    id: top.id,
    name: top.name,
    chosenLabel: say.chosen(top.name),
    leaves: leavesOf(top),
  }))
}

function leavesOf(department: Department): Leaf[] {
  const below = department.children.flatMap(leavesOf)
  if (below.length && !department.has_doctors) return below
  const own = { id: department.id, name: department.name, note: limitsShort(department) || department.place }
  return [own, ...below]
}

function limitsShort(department: Department): string {
  const parts = [department.sex_limit ? say.sexOnly[department.sex_limit] : '', agesOf(department)]
  return say.limitsShort(parts.filter(Boolean))
}

/** The departments whose name has the words in it, or the words have its name in them. */
export function matching(groups: readonly Group[], words: string): Leaf[] {
  const wanted = words.trim()
  if (!wanted) return []
  return groups
    .flatMap(({ leaves }) => leaves)
    .filter(({ name }) => name.includes(wanted) || wanted.includes(name))
}
