// Changing the order of a few things.

/** The list with one of its things a place further or nearer. */
export function swapped<T>(list: readonly T[], index: number, by: 1 | -1): T[] {
  const other = index + by
  if (other < 0 || other >= list.length) return [...list]
  return list.map((one, at) => (at === index ? list[other] : at === other ? list[index] : one))
}
