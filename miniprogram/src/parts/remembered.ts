// What this phone remembers of finding a doctor: the hospital chosen last, and recent searches.

const hospitalKey = 'hospital'
const searchesKey = 'searches'
const mostSearches = 10

export interface ChosenHospital {
  id: string
  name: string
}

export function chosenHospital(): ChosenHospital | null {
  return (wx.getStorageSync(hospitalKey) as ChosenHospital | '') || null
}

export function chooseHospital(hospital: ChosenHospital): void {
  wx.setStorageSync(hospitalKey, hospital)
}

export function recentSearches(): string[] {
  return (wx.getStorageSync(searchesKey) as string[] | '') || []
}

/** Keeps the words as the latest search, once, and forgets the oldest. */
export function rememberSearch(words: string): string[] {
  const kept = [words, ...recentSearches().filter((one) => one !== words)].slice(0, mostSearches)
  wx.setStorageSync(searchesKey, kept)
  return kept
}

export function forgetSearches(): void {
  wx.removeStorageSync(searchesKey)
}
