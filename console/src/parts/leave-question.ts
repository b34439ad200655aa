// The question whether to leave unsaved changes; the frame shows it, the guard waits for the answer.
import { ref } from 'vue'

export const isAsked = ref(false)
let answer: ((leave: boolean) => void) | null = null

export function askToLeave(): Promise<boolean> {
  isAsked.value = true
  return new Promise((resolve) => {
    answer = resolve
  })
}

export function answerToLeave(leave: boolean): void {
  isAsked.value = false
  answer?.(leave)
  answer = null
}
