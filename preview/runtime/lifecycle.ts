/** Lifecycle calls that glass-easel leaves to its host: `ready` after the first layout, and errors on their way to the App. */
import { glassEasel, type ComponentNode, type Instance } from './easel'

const waiting: (() => void)[] = []

function flush(): void {
  for (const work of waiting.splice(0)) work()
}

/** Runs work when the browser has laid out what was drawn, in the order in which it was asked for. */
export function afterLayout(work: () => void): void {
  waiting.push(work)
  if (waiting.length > 1) return
  // a tab in the background draws no frames
  if (document.hidden) setTimeout(flush)
  else requestAnimationFrame(flush)
}

/** A behavior of every component of the program. */
export const readyBehavior = glassEasel.registerBehavior({
  lifetimes: {
    attached(this: unknown) {
      const component = ((this as Partial<Instance>)._$ ?? this) as ComponentNode
      afterLayout(() => glassEasel.Element.isAttached(component) && component.triggerLifetime('ready', []))
    },
  },
})

let listeners: ((error: unknown) => void)[] = []

export function onError(listener: (error: unknown) => void): void {
  listeners.push(listener)
}

export function offError(listener?: (error: unknown) => void): void {
  listeners = listener ? listeners.filter((other) => other !== listener) : []
}

/** Shows an error of the program in the console and tells App.onError and wx.onError. */
export function report(error: unknown, where: string): undefined {
  console.error(`[${where}]`, error)
  const text = error instanceof Error ? `${error.message}\n${error.stack ?? ''}` : String(error)
  for (const listener of listeners) listener(text)
}

glassEasel.addGlobalErrorListener((error, method, component) => {
  const name = typeof component === 'string' ? component : component?.is
  report(error, `${name ?? 'program'} ${method ?? ''}`)
  return false
})
