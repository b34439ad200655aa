/** The few parts of glass-easel that the runtime touches, with the types that its own declarations leave out. */
import { glassEasel } from 'glass-easel-miniprogram-adapter'

export { MiniProgramEnv, glassEasel } from 'glass-easel-miniprogram-adapter'
export type { AssociatedBackend, CodeSpace, Root } from 'glass-easel-miniprogram-adapter'

/** What a program's author has written, or answers: fields, methods and values that are not known here. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- checked by the author's own compiler, not by ours
export type Authored = any

export type Node = InstanceType<typeof glassEasel.Element>
export type ComponentNode = glassEasel.GeneralComponent

/** What a method of a page or component sees as `this`: its own fields and methods are the author's. */
export interface Instance {
  _$: ComponentNode
  is: string
  data: Record<string, Authored>
  setData(data: Record<string, unknown>, done?: () => void): void
  triggerEvent(name: string, detail?: unknown, options?: { bubbles?: boolean; composed?: boolean }): void
  [key: string]: Authored
}

export function domOf(node: Node | null | undefined): HTMLElement | null {
  return (node?.getBackendElement() as unknown as HTMLElement | null) ?? null
}

/** The node of the program that drew this element, or the nearest one around it. */
export function nodeOf(element: EventTarget | null): Node | null {
  let at = element as (Element & { __wxElement?: Node }) | null
  while (at && !at.__wxElement) at = at.parentElement
  return at?.__wxElement ?? null
}

export function isComponent(node: unknown): node is ComponentNode {
  return glassEasel.Component.isComponent(node as ComponentNode)
}
