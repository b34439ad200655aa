// Light or dark: as the person chose, else as the system has it.
import { ref } from 'vue'

export type Theme = 'light' | 'dark' | 'system'

const kept = 'guahao.theme'
const isDarkSystem = window.matchMedia('(prefers-color-scheme: dark)')

export const theme = ref<Theme>((localStorage.getItem(kept) as Theme | null) ?? 'system')
export const isDark = ref(false)

function show(): void {
  isDark.value = theme.value === 'dark' || (theme.value === 'system' && isDarkSystem.matches)
  document.documentElement.setAttribute('theme-mode', isDark.value ? 'dark' : 'light')
}

export function chooseTheme(chosen: Theme): void {
  theme.value = chosen
  localStorage.setItem(kept, chosen)
  show()
}

/** Show the theme now, and whenever the system's changes. */
export function followTheme(): void {
  show()
  isDarkSystem.addEventListener('change', show)
}
