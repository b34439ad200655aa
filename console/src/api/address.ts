// The address of a call: its path with parts filled in, and its query without what is empty.

interface Parts {
  path?: object
  query?: object
}

const isSaid = (value: unknown) => value !== undefined && value !== null && value !== ''

function search(query: object): string {
  const said = Object.entries(query)
    .flatMap(([key, value]) => [value].flat().map((one: unknown) => [key, one] as const))
    .filter(([, value]) => isSaid(value))
  return new URLSearchParams(said.map(([key, value]) => [key, String(value)])).toString()
}

export function address(path: string, { path: parts = {}, query = {} }: Parts): string {
  const filled = path.replace(/\{(\w+)\}/g, (_, name) =>
    encodeURIComponent(String((parts as Record<string, unknown>)[name])),
  )
  const asked = search(query)
  return asked ? `${filled}?${asked}` : filled
}
