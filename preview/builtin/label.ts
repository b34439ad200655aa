/** <label>: a tap on it is a tap on its control. */
import { domOf, type ComponentNode, type Node } from '../runtime/easel'
import { builtin, controlsIn, elementOf, onOwn, type Part } from './part'

function controlOf(part: Part): Part | undefined {
  const name = part.data.for as string
  if (!name) return controlsIn(part._$, 'activate').next().value ?? undefined
  const node = part._$.ownerShadowRoot?.getElementById(name) as Partial<ComponentNode> | undefined
  return node?.getMethodCaller?.() as Part | undefined
}

/** A control with neither a name nor a text of its own is called what its label says. */
function nameBy(control: HTMLElement, text: string): void {
  const named = control.querySelector('input, textarea') ?? control
  if (!named.hasAttribute('aria-label') && !control.textContent?.trim())
    named.setAttribute('aria-label', text)
}

builtin({
  properties: { for: String },
  lifetimes: {
    attached(this: Part) {
      onOwn(this, 'tap', (event: { getOriginalEvent(): Event | undefined }) => {
        const control = controlOf(this)
        const tapped = event.getOriginalEvent()?.target as unknown as globalThis.Node | null
        if (control && !domOf(control._$ as Node)?.contains(tapped)) control.activate?.()
      })
    },
    ready(this: Part) {
      const control = controlOf(this)
      if (control) nameBy(elementOf(control), elementOf(this).textContent?.trim() ?? '')
    },
  },
})
