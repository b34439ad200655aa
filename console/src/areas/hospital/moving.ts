// Moving departments: the call, and what is said about it to those who do not see the tree.
import { shallowRef } from 'vue'
import { api, Refusal } from '@/api/client'
import { sentence } from '@/parts/problems'
import { useTask } from '@/parts/task'
import { texts } from '@/texts/hospital'
import type { Department } from './rows'
import { childrenOf, parentOf, stepOf, type Direction, type Move } from './tree'

interface Asked {
  rows: () => readonly Department[]
  /** Read the tree anew; afterwards `rows` answers it. */
  refresh: () => Promise<void>
}

/** Where a department is now: "消化内科已移到“内科”下，第 2 个，共 5 个。" */
export function placeText(rows: readonly Department[], id: string): string {
  const row = rows.find((one) => one.id === id)
  if (!row) return ''
  const brothers = childrenOf(rows, row.parent_code)
  const parent = parentOf(rows, row)
  const place = brothers.indexOf(row) + 1
  return parent
    ? texts.moved(row.name, parent.name, place, brothers.length)
    : texts.movedTop(row.name, place, brothers.length)
}

function refusalText(problem: unknown): string {
  if (!(problem instanceof Refusal)) return texts.moveUnclear
  if (problem.code === 'edit-conflict') return texts.moveConflict
  return problem.code === 'not-found' ? texts.moveGone : sentence(problem)
}

export function useMoving({ rows, refresh }: Asked) {
  const said = shallowRef('')
  const task = useTask((_once: string, row: Department, move: Move) =>
    api.post('/api/v1/staff/departments/{department_id}/move', {
      path: { department_id: row.id },
      body: { version: row.version, ...move },
    }),
  )

  async function move(row: Department, to: Move | null, otherwise: string): Promise<void> {
    if (task.isRunning) return
    if (!to) {
      said.value = otherwise
      return
    }
    const moved = await task.run(row, to)
    await refresh()
    said.value = moved ? placeText(rows(), row.id) : refusalText(task.problem)
  }
  function step(row: Department, direction: Direction): Promise<void> {
    return move(row, stepOf(rows(), row, direction), texts.moveImpossible[direction])
  }
  return { said, task, move, step }
}
