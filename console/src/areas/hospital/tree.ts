// The department tree: its lines on the screen, and where a department goes when it is moved.
import type { Department } from './rows'

export interface Line {
  row: Department
  level: number
  /** Which of its brothers it is, from 1, and how many they are. */
  place: number
  of: number
  hasChildren: boolean
  isOpen: boolean
}
export interface Move {
  parent_id: string | null
  before_id: string | null
}
export type Direction = 'up' | 'down' | 'in' | 'out'
export type Drop = 'before' | 'inside' | 'after'

/** The departments below one, in the order in which the server answers them. */
export function childrenOf(rows: readonly Department[], code: string | null): Department[] {
  return rows.filter(({ parent_code }) => parent_code === code)
}

export function parentOf(rows: readonly Department[], row: Department): Department | null {
  return rows.find(({ code }) => code === row.parent_code) ?? null
}

/** The tree from top to bottom, without what is below closed departments. */
export function linesOf(
  rows: readonly Department[],
  closed: ReadonlySet<string>,
  code: string | null = null,
  level = 1,
): Line[] {
  const brothers = childrenOf(rows, code)
  return brothers.flatMap((row, index) => {
    const hasChildren = rows.some(({ parent_code }) => parent_code === row.code)
    const isOpen = hasChildren && !closed.has(row.id)
    const line = { row, level, place: index + 1, of: brothers.length, hasChildren, isOpen }
    return [line, ...(isOpen ? linesOf(rows, closed, row.code, level + 1) : [])]
  })
}

/** The department itself and all below it. */
export function branchOf(rows: readonly Department[], row: Department): Department[] {
  return [row, ...childrenOf(rows, row.code).flatMap((child) => branchOf(rows, child))]
}

const moves: Record<Direction, (rows: readonly Department[], row: Department) => Move | null> = {
  up: (rows, row) => {
    const brothers = childrenOf(rows, row.parent_code)
    const before = brothers[brothers.indexOf(row) - 1]
    return before ? { parent_id: parentOf(rows, row)?.id ?? null, before_id: before.id } : null
  },
  down: (rows, row) => {
    const brothers = childrenOf(rows, row.parent_code)
    const at = brothers.indexOf(row)
    if (at === brothers.length - 1) return null
    return { parent_id: parentOf(rows, row)?.id ?? null, before_id: brothers[at + 2]?.id ?? null }
  },
  in: (rows, row) => {
    const brothers = childrenOf(rows, row.parent_code)
    const into = brothers[brothers.indexOf(row) - 1]
    return into ? { parent_id: into.id, before_id: null } : null
  },
  out: (rows, row) => {
    const parent = parentOf(rows, row)
    return parent ? behind(rows, parent) : null
  },
}

function behind(rows: readonly Department[], row: Department, moved?: Department): Move {
  const brothers = childrenOf(rows, row.parent_code).filter((one) => one !== moved)
  return {
    parent_id: parentOf(rows, row)?.id ?? null,
    before_id: brothers[brothers.indexOf(row) + 1]?.id ?? null,
  }
}

/** Where a step leads, or null when there is nothing there. */
export function stepOf(rows: readonly Department[], row: Department, direction: Direction): Move | null {
  return moves[direction](rows, row)
}

/** What dropping on a line means, by how far down in it: a third each before, inside, after. */
export function dropAt(fraction: number): Drop {
  if (fraction < 1 / 3) return 'before'
  return fraction > 2 / 3 ? 'after' : 'inside'
}

/** Where a dragged department goes; null on itself and on what is below it. */
export function dropOf(
  rows: readonly Department[],
  dragged: Department,
  target: Department,
  drop: Drop,
): Move | null {
  if (branchOf(rows, dragged).includes(target)) return null
  if (drop === 'inside') return { parent_id: target.id, before_id: null }
  if (drop === 'before') {
    return { parent_id: parentOf(rows, target)?.id ?? null, before_id: target.id }
  }
  return behind(rows, target, dragged)
}

/** What matches, with everything above it so that it can be found. */
export function matching(rows: readonly Department[], q: string, hidesInactive: boolean): Department[] {
  const wanted = q.trim().toLowerCase()
  const matches = rows.filter(
    (row) =>
      (row.is_active || !hidesInactive) &&
      (row.name.toLowerCase().includes(wanted) || row.code.toLowerCase().includes(wanted)),
  )
  const kept = new Set<Department>()
  for (let row of matches as (Department | null)[]) {
    while (row && !kept.has(row)) {
      kept.add(row)
      row = parentOf(rows, row)
    }
  }
  return rows.filter((row) => kept.has(row))
}
