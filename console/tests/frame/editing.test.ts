import { effectScope, nextTick } from 'vue'
import { expect, test, vi } from 'vitest'
import { Refusal } from '@/api/refusal'
import { answerToLeave, isAsked } from '@/parts/leave-question'
import { arrived, leavingIsFine } from '@/parts/leaving'
import { useEditing } from '@/parts/editing'

interface Thing {
  name: string
  phone: string
  levels: string[]
  version: number
}

const labels = { name: 'Name', phone: 'Phone', levels: 'Levels' }
const first = (): Thing => ({ name: 'a', phone: '1', levels: ['x'], version: 1 })

async function opened(loads: Thing[], save: (draft: Thing) => Promise<Thing>) {
  const load = vi.fn(async () => loads.shift() ?? first())
  const scope = effectScope()
  const editing = scope.run(() => useEditing<Thing>({ load, save, labels }))!
  await vi.waitFor(() => expect(editing.draft).not.toBeNull())
  return { editing, scope, load }
}

test('what changed is told in words, and giving up brings back what was opened', async () => {
  const { editing, scope } = await opened([first()], async (draft) => draft)
  expect(editing.isDirty).toBe(false)
  editing.draft!.name = 'b'
  editing.draft!.levels.push('y')
  expect(editing.changes).toEqual([
    { key: 'name', label: 'Name', from: 'a', to: 'b' },
    { key: 'levels', label: 'Levels', from: '["x"]', to: '["x","y"]' },
  ])
  editing.reset()
  expect([editing.isDirty, editing.draft]).toEqual([false, first()])
  scope.stop()
})

test('saving sends the draft with its version and goes on from what was saved', async () => {
  const save = vi.fn(async (draft: Thing) => ({ ...draft, version: 2 }))
  const { editing, scope } = await opened([first()], save)
  editing.draft!.name = 'b'
  expect(await editing.save()).toBe(true)
  expect(save).toHaveBeenCalledWith({ ...first(), name: 'b' })
  expect([editing.draft!.version, editing.isDirty, editing.isSaved]).toEqual([2, false, true])
  scope.stop()
})

const conflict = () => Promise.reject(new Refusal('edit-conflict', 'x', 409, null, {}))

test('the second of two editors sees both versions and can go on with the own one on top', async () => {
  const theirs = { name: 'theirs', phone: '9', levels: ['x'], version: 2 }
  const { editing, scope } = await opened([first(), theirs], conflict)
  editing.draft!.name = 'mine'
  editing.draft!.levels = ['y']
  expect(await editing.save()).toBe(false)
  expect(editing.conflict!.differences).toEqual([
    { key: 'name', label: 'Name', before: 'a', theirs: 'theirs', mine: 'mine', isContested: true },
    { key: 'phone', label: 'Phone', before: '1', theirs: '9', mine: '1', isContested: false },
    { key: 'levels', label: 'Levels', before: '["x"]', theirs: '["x"]', mine: '["y"]', isContested: false },
  ])
  editing.settle(true)
  expect(editing.draft).toEqual({ name: 'mine', phone: '9', levels: ['y'], version: 2 })
  expect(editing.changes.map(({ key }) => key)).toEqual(['name', 'levels'])
  scope.stop()
})

test('the second of two editors can take the other version', async () => {
  const theirs = { ...first(), name: 'theirs', version: 2 }
  const { editing, scope } = await opened([first(), theirs], conflict)
  editing.draft!.name = 'mine'
  await editing.save()
  editing.settle(false)
  expect([editing.draft, editing.isDirty, editing.conflict]).toEqual([theirs, false, null])
  scope.stop()
})

test('another refusal leaves the draft and is told', async () => {
  const refusal = new Refusal('phone-invalid', 'x', 422, null, {})
  const { editing, scope } = await opened([first()], () => Promise.reject(refusal))
  editing.draft!.name = 'b'
  expect(await editing.save()).toBe(false)
  expect([editing.problem, editing.draft!.name, editing.conflict]).toEqual([refusal, 'b', null])
  scope.stop()
})

test('leaving with unsaved changes is asked once; a granted way is not asked again on its turns', async () => {
  const { editing, scope } = await opened([first()], async (draft) => draft)
  expect(await leavingIsFine()).toBe(true)
  editing.draft!.name = 'b'

  const stay = leavingIsFine()
  await nextTick()
  expect(isAsked.value).toBe(true)
  answerToLeave(false)
  expect(await stay).toBe(false)

  const leave = leavingIsFine()
  answerToLeave(true)
  expect(await leave).toBe(true)
  expect(await leavingIsFine()).toBe(true)
  expect(isAsked.value).toBe(false)

  arrived()
  scope.stop()
  expect(await leavingIsFine()).toBe(true)
})

test('the window asks before it closes, as long as something is unsaved', async () => {
  const { editing, scope } = await opened([first()], async (draft) => draft)
  const closing = () => {
    const event = new Event('beforeunload', { cancelable: true })
    window.dispatchEvent(event)
    return event.defaultPrevented
  }
  expect(closing()).toBe(false)
  editing.draft!.name = 'b'
  expect(closing()).toBe(true)
  scope.stop()
  expect(closing()).toBe(false)
})

test('a form at the side of a page is asked about alone, and its going grants nothing to others', async () => {
  const page = await opened([first()], async (draft) => draft)
  const side = await opened([first()], async (draft) => draft)
  page.editing.draft!.name = 'b'
  expect(await side.editing.mayGo()).toBe(true)

  side.editing.draft!.name = 'c'
  const goes = side.editing.mayGo()
  answerToLeave(true)
  expect(await goes).toBe(true)
  side.scope.stop()

  const leave = leavingIsFine()
  expect(isAsked.value).toBe(true)
  answerToLeave(false)
  expect(await leave).toBe(false)
  page.scope.stop()
})
