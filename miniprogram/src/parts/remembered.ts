// What this phone remembers of finding a doctor: the hospital chosen last, and recent searches.
import { drop, keep, kept } from '../api/storage'

const hospitalKey = 'hospital'
const searchesKey = 'searches'
const mostSearches = 10

export interface ChosenHospital {
  id: string
  name: string
}

export function chosenHospital(): ChosenHospital | null {
  return kept<ChosenHospital>(hospitalKey)
}

export function chooseHospital(hospital: ChosenHospital): void {
  keep(hospitalKey, hospital)
}

export function recentSearches(): string[] {
  return kept<string[]>(searchesKey) ?? []
}

/** Keeps the words as the latest search, once, and forgets the oldest. */
export function rememberSearch(words: string): string[] {
  const kept = [words, ...recentSearches().filter((one) => one !== words)].slice(0, mostSearches)
  keep(searchesKey, kept)
  return kept
}

export function forgetSearches(): void {
  drop(searchesKey)
}
