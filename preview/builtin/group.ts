/** What <checkbox-group> and <radio-group> share: they know their choices and tell a change. */
import type { Node } from '../runtime/easel'
import { builtin, onOwn, type Part } from './part'
import { setChecked } from './choice'

/** Choices below, in the order of the page. */
export function choicesOf(part: Part): Part[] {
  const found: Part[] = []
  const walk = (node: Node) => {
    for (const child of (node as { getComposedChildren?: () => Node[] }).getComposedChildren?.() ?? []) {
      const caller = (child as { getMethodCaller?: () => Part }).getMethodCaller?.()
      if (caller && ['checkbox', 'radio'].includes(caller.is)) found.push(caller)
      walk(child)
    }
  }
  walk(part._$)
  return found
}

export function group(
  values: (choices: Part[]) => unknown,
  chosen: (part: Part, choice: Part) => void = () => {},
): void {
  builtin({
    properties: { name: String },
    lifetimes: {
      attached(this: Part) {
        onOwn(this, 'choicechange', (event: { target: Part; stopPropagation(): void }) => {
          event.stopPropagation()
          const choices = choicesOf(this)
          const tapped = choices.find((choice) => choice._$ === event.target._$)
          if (tapped) chosen(this, tapped)
          this.triggerEvent('change', { value: values(choices) })
        })
      },
    },
    methods: {
      formValue(this: Part) {
        return values(choicesOf(this))
      },
      formReset(this: Part) {
        for (const choice of choicesOf(this)) setChecked(choice, false)
      },
    },
  })
}
