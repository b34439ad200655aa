// Short notices that something was done; the frame shows them and screen readers say them.
import { ref } from 'vue'

export interface Said {
  id: number
  text: string
}

/** Long enough to read aloud: five seconds, and more for a text of more than 25 signs. */
const shownForMs = (text: string) => Math.max(5_000, text.length * 200)
let last = 0

export const said = ref<Said[]>([])

export function say(text: string): void {
  const id = ++last
  said.value = [...said.value, { id, text }].slice(-3)
  setTimeout(() => (said.value = said.value.filter((one) => one.id !== id)), shownForMs(text))
}
