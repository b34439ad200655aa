/** What WXS has beside JavaScript: its globals, and ComponentDescriptors for event and change handlers. */
import { domOf, glassEasel, isComponent, type Authored, type ComponentNode, type Node } from './easel'
import { cssLengths } from './units'

type Handler = ((this: unknown, ...values: Authored[]) => unknown) & { descriptors?: true }

const states = new WeakMap<object, object>()

function declarations(style: string | Record<string, unknown>): [string, string][] {
  if (typeof style !== 'string') return Object.entries(style).map(([name, value]) => [name, String(value)])
  return style
    .split(';')
    .filter((part) => part.includes(':'))
    .map((part) => {
      const at = part.indexOf(':')
      return [part.slice(0, at), part.slice(at + 1)]
    })
}

function stateOf(node: Node): object {
  const state = states.get(node) ?? {}
  states.set(node, state)
  return state
}

/** How WXS sees a node. */
function descriptor(node: Node): object {
  const inside = () => (isComponent(node) ? node.getShadowRoot() : node)
  const classes = () =>
    (node as { classList?: { toggle(name: string, on: boolean): void; contains(name: string): boolean } })
      .classList
  const self = {
    selectComponent(selector: string) {
      const found = inside()?.querySelector(selector)
      return found ? descriptor(found) : null
    },
    selectAllComponents: (selector: string) => (inside()?.querySelectorAll(selector) ?? []).map(descriptor),
    setStyle(style: string | Record<string, unknown>) {
      for (const [name, value] of declarations(style)) {
        const property = name.trim().replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
        domOf(node)?.style.setProperty(property, cssLengths(value.trim()))
      }
      return self
    },
    addClass: (name: string) => (classes()?.toggle(name, true), self),
    removeClass: (name: string) => (classes()?.toggle(name, false), self),
    hasClass: (name: string) => classes()?.contains(name) ?? false,
    getDataset: () => (node as { dataset?: object }).dataset ?? {},
    getState: () => stateOf(node),
    callMethod: (name: string, value: unknown) =>
      isComponent(node) && (node.getMethodCaller() as Record<string, Handler | undefined>)[name]?.(value),
    triggerEvent: (name: string, detail: unknown) => node.triggerEvent(name, detail, { bubbles: true }),
    requestAnimationFrame: (frame: FrameRequestCallback) => requestAnimationFrame(frame),
    setTimeout: (work: () => void, ms: number) => setTimeout(work, ms),
    clearTimeout: (timer: number) => clearTimeout(timer),
    getBoundingClientRect: () => domOf(node)?.getBoundingClientRect(),
    getComputedStyle: (names: string[]) => {
      const style = getComputedStyle(domOf(node) ?? document.body)
      return Object.fromEntries(names.map((name) => [name, style.getPropertyValue(name)]))
    },
  }
  return self
}

/** Handlers are called with the caller of a component; WXS wants the node behind it. */
function nodeBehind(value: unknown): Node {
  return ((value as { _$?: ComponentNode } | null)?._$ ?? value) as Node
}

function withDescriptors(handler: Handler): Handler {
  const wrapped: Handler = function (this: unknown, ...values: Authored[]) {
    const [first, second, host, node] = values
    if (values.length === 1 && first instanceof glassEasel.Event) {
      const event = first as unknown as { currentTarget: unknown; instance: object }
      event.instance = descriptor(nodeBehind(event.currentTarget))
      return handler.call(this, event, descriptor(nodeBehind(this)))
    }
    if (values.length === 4 && isComponent(host)) {
      // a change handler may select children that the same update is still drawing
      return queueMicrotask(() => handler.call(this, first, second, descriptor(host), descriptor(node)))
    }
    return handler.apply(this, values)
  }
  return Object.assign(wrapped, { descriptors: true as const })
}

function wxsExports(exports: unknown): unknown {
  if (exports && typeof exports === 'object') {
    const members = exports as Record<string, Handler>
    for (const [name, member] of Object.entries(members)) {
      if (typeof member === 'function' && !member.descriptors) members[name] = withDescriptors(member)
    }
  }
  return exports
}

/** `value.constructor` is a type's name in WXS. */
function wxsType(value: unknown): string | undefined {
  return value === null || value === undefined
    ? undefined
    : Object.prototype.toString.call(value).slice(8, -1)
}

Object.assign(globalThis, {
  __wxsExports: wxsExports,
  __wxsType: wxsType,
  getRegExp: (pattern: string, flags?: string) => new RegExp(pattern, flags),
  getDate: (...values: ConstructorParameters<typeof Date>) => new Date(...values),
})
