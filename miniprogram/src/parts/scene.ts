// Scanned codes: what they carry, and the page of what they stand for.
import { decoded } from './decoded'

/** What `GET /api/v1/scenes/{scene}` answers. */
export interface Scene {
  kind: 'hospital' | 'department' | 'doctor' | 'room'
  id: string
  hospital_id: string
}

/** The code in launch options: `scene` of a mini program code, or `q`, the address in an ordinary QR code. */
export function codeOf(query: Record<string, string | undefined>): string | null {
  if (query.scene) return decoded(query.scene)
  const address = decoded(query.q ?? '')
  // A page may have an option of that name itself; WeChat's is always an address.
  return address.includes('://') ? codeIn(address) : null
}

/** The code in what was scanned: an address, the path of a mini program code, or the code itself. */
export function codeIn(address: string): string | null {
  const named = /[?&]scene=([^&#]+)/.exec(address)
  return named ? decoded(named[1]) : (/([^/?#]+)\/?(?:[?#]|$)/.exec(address)?.[1] ?? null)
}

/** The page to open for what `code` stands for. */
export function pageOf({ kind, id, hospital_id: hospital }: Scene, code: string): string {
  if (kind === 'doctor') return `/packages/catalog/doctor/doctor?id=${id}`
  if (kind === 'department') return `/packages/catalog/department/department?id=${id}&hospital=${hospital}`
  if (kind === 'hospital') return `/packages/catalog/hospital/hospital?id=${id}`
  return `/packages/catalog/room/room?code=${encodeURIComponent(code)}`
}
