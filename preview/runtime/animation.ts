/** wx.createAnimation: the steps travel as text through setData, and the `animation` attribute plays them. */
import type { Authored } from './easel'
import { cssLength } from './units'

interface Timing {
  duration?: number
  timingFunction?: string
  delay?: number
  transformOrigin?: string
}

interface Step extends Timing {
  transforms: string[]
  styles: Record<string, string>
}

const TRANSFORMS = [
  ...[
    'matrix',
    'matrix3d',
    'rotate',
    'rotate3d',
    'rotateX',
    'rotateY',
    'rotateZ',
    'scale',
    'scale3d',
    'scaleX',
    'scaleY',
    'scaleZ',
  ],
  ...['skew', 'skewX', 'skewY', 'translate', 'translate3d', 'translateX', 'translateY', 'translateZ'],
]
const STYLES = ['opacity', 'backgroundColor', 'width', 'height', 'left', 'right', 'top', 'bottom']

function unit(name: string, value: unknown): string {
  if (typeof value !== 'number' || /^(scale|matrix|opacity)/.test(name)) return String(value)
  return /^(rotate|skew)/.test(name) ? `${value}deg` : cssLength(value)
}

export function createAnimation(base: Timing = {}): Record<string, (...values: Authored[]) => unknown> {
  const steps: Step[] = []
  let now: Pick<Step, 'transforms' | 'styles'> = { transforms: [], styles: {} }
  const animation: Record<string, (...values: Authored[]) => unknown> = {
    step(timing: Timing = {}) {
      steps.push({ ...base, ...timing, ...now })
      now = { transforms: [], styles: {} }
      return animation
    },
    export: () => JSON.stringify(steps.splice(0)),
  }
  for (const name of TRANSFORMS) {
    animation[name] = (...values) => {
      now.transforms.push(`${name}(${values.map((v) => unit(name, v)).join(',')})`)
      return animation
    }
  }
  for (const name of STYLES) {
    animation[name] = (value) => {
      now.styles[name] = unit(name, value)
      return animation
    }
  }
  return animation
}

function apply(element: HTMLElement, step: Step): void {
  const { duration = 400, timingFunction = 'linear', delay = 0 } = step
  element.style.transition = `all ${duration}ms ${timingFunction} ${delay}ms`
  if (step.transformOrigin) element.style.transformOrigin = step.transformOrigin
  if (step.transforms.length) element.style.transform = step.transforms.join(' ')
  Object.assign(element.style, step.styles)
}

export function play(element: HTMLElement, text: string): void {
  if (!text.startsWith('[')) return
  // the first step waits a frame, so that a freshly drawn element has a state to change from
  let start = 16
  for (const step of JSON.parse(text) as Step[]) {
    setTimeout(() => apply(element, step), start)
    start += (step.duration ?? 400) + (step.delay ?? 0)
  }
}
