/** What WeChat's elements share: their DOM element, attributes that styles look at, and aria-* attributes of the author. */
import { domOf, type Authored, type ComponentNode, type Node } from '../runtime/easel'

/** What a method of a builtin sees as `this`. */
export interface Part {
  _$: ComponentNode
  data: Record<string, Authored>
  setData(data: Record<string, unknown>): void
  triggerEvent(name: string, detail?: unknown, options?: { bubbles?: boolean; composed?: boolean }): void
  [name: string]: Authored
}

type Definition = Record<string, Authored>

const ARIA = (
  'role label labelledby describedby hidden disabled checked selected expanded pressed current live level haspopup controls modal ' +
  'required invalid'
).split(' ')
const property = (name: string) => `aria${name[0].toUpperCase()}${name.slice(1)}`

export function elementOf(part: Part): HTMLElement {
  return domOf(part._$) as HTMLElement
}

/** The first real element of a builtin's own template: its <input>, <img> … */
export function innerOf<T extends HTMLElement>(part: Part): T {
  return elementOf(part).firstElementChild as T
}

/** The browser's element behind an event of a builtin's template. */
export function fieldOf<T extends HTMLElement = HTMLInputElement>(event: unknown): T {
  return (event as { getOriginalEvent(): Event }).getOriginalEvent().target as T
}

/** Changes a property from inside, so that model:value and later reads see it. */
export function setOwn(part: Part, name: string, value: unknown): void {
  part._$.replaceDataOnPath([name], value)
  part._$.applyDataUpdates()
}

/** A program may still write data of a page that was closed: then there is no element any more. */
function mark(element: HTMLElement | null, name: string, value: unknown): void {
  if (!element) return
  if (value === false || value === undefined || value === null || value === '') element.removeAttribute(name)
  else element.setAttribute(name, value === true ? '' : String(value))
}

function tell(element: HTMLElement, name: string, value: unknown): void {
  if (value === null || value === undefined) return
  if (value === false) element.removeAttribute(`aria-${name}`)
  else element.setAttribute(`aria-${name}`, value === true ? '' : String(value))
}

/**
 * Registers a builtin. `marks` are properties that become attributes of its element, for style sheets;
 * `told` says which element carries the aria-* attributes when it is not the builtin's own.
 */
export function builtin(definition: Definition, { marks = [] as string[], told = elementOf } = {}): void {
  const aria = Object.fromEntries(ARIA.map((name) => [property(name), { type: null, value: null }]))
  const observers: Definition = { ...definition.observers }
  for (const name of ARIA) {
    const own = observers[property(name)]
    observers[property(name)] = function (this: Part, value: unknown) {
      const element = told(this)
      if (element) tell(element, name, value)
      own?.call(this, value)
    }
  }
  for (const name of marks) {
    const own = observers[name]
    observers[name] = function (this: Part, value: unknown) {
      mark(elementOf(this), name, value)
      own?.call(this, value)
    }
  }
  observers.hoverClass = function (this: Part, value: string) {
    mark(elementOf(this), 'hover-class', value)
  }
  const properties = { hoverClass: String, ...aria, ...definition.properties }
  ;(Component as (definition: Definition) => void)({ ...definition, properties, observers })
}

/** Listens to an event on the builtin itself. To glass-easel an answer of false would mean "stop here". */
export function onOwn(part: Part, name: string, listener: (event: Authored) => void, options = {}): void {
  part._$.addListener(name, (event) => void listener(event), options)
}

/** A role that the author did not change, with its tab stop. */
export function defaultRole(part: Part, role: string): void {
  if (part.data.ariaRole === null) elementOf(part).setAttribute('aria-role', role)
}

/** Builtins below a node that have this method, through the shadow trees of components. */
export function* controlsIn(node: Node, method: 'formValue' | 'activate'): Generator<Part> {
  for (const child of (node as { getComposedChildren?: () => Node[] }).getComposedChildren?.() ?? []) {
    const part = (child as Partial<ComponentNode>).getMethodCaller?.() as Part | undefined
    if (part && typeof part[method] === 'function') yield part
    yield* controlsIn(child, method)
  }
}
