// What is wrong with a form.

/** What is wrong, by field, without the fields that are right. */
export function faults<T extends Record<string, string>>(all: T): Partial<T> {
  return Object.fromEntries(Object.entries(all).filter(([, sentence]) => sentence)) as Partial<T>
}
