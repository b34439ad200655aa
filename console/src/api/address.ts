// The address of a call: its path with parts filled in, and its query without what is empty.

interface Parts {
  path?: object
  query?: object
}

export function address(path: string, { path: parts = {}, query = {} }: Parts): string {
  const filled = path.replace(/\{(\w+)\}/g, (_, name) =>
    encodeURIComponent(String((parts as Record<string, unknown>)[name])),
  )
  const asked = new URLSearchParams()
  for (const [key, value] of Object.entries(query)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== undefined && one !== null && one !== '') asked.append(key, String(one))
    }
  }
  const search = asked.toString()
  return search ? `${filled}?${search}` : filled
}
