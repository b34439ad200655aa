/** Components are defined when something is drawn with them first: a program's first page needs few of all. */
import type { CodeSpace } from './easel'

const units = new Map<string, () => void>()
const tags = new Map<string, () => void>()

function run(waiting: Map<string, () => void>, name: string): void {
  const work = waiting.get(name)
  waiting.delete(name)
  work?.()
}

function runUnit(path: string, from: string): void {
  run(units, new URL(path, `http://program/${from}`).pathname.slice(1))
}

/** Runs `work` when the page or component at this path is asked for. */
export function whenUsed(path: string, work: () => void): void {
  units.set(path, work)
}

/** Runs `work` when an element of this name is drawn. */
export function whenDrawn(tag: string, work: () => void): void {
  tags.set(tag, work)
}

/** Every way in which glass-easel looks for a component. */
export function defineOnDemand(space: CodeSpace): void {
  const components = space.getComponentSpace()
  const byUrl = components.getComponentByUrl.bind(components)
  const byUrlAlone = components.getComponentByUrlWithoutDefault.bind(components)
  const byTag = components.getGlobalUsingComponent.bind(components)
  components.getComponentByUrl = (path, from) => {
    runUnit(path, from)
    return byUrl(path, from)
  }
  components.getComponentByUrlWithoutDefault = (path, from) => {
    runUnit(path, from)
    return byUrlAlone(path, from)
  }
  components.getGlobalUsingComponent = (tag) => {
    run(tags, tag)
    return byTag(tag)
  }
}
