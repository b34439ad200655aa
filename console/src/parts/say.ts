// Short notices that something was done; the frame shows them and screen readers say them.
import { ref } from 'vue'

export interface Said {
  id: number
  text: string
}

const shownForMs = 5_000
let last = 0

export const said = ref<Said[]>([])

export function say(text: string): void {
  const id = ++last
  said.value = [...said.value, { id, text }].slice(-3)
  setTimeout(() => (said.value = said.value.filter((one) => one.id !== id)), shownForMs)
}
