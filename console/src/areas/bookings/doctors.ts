// Departments and doctors of a hospital, to choose from.
import { api, type Body } from '@/api/client'

export type Department = Body<'get', '/api/v1/staff/hospitals/{hospital_id}/departments'>['items'][number]
export type Doctor = Body<'get', '/api/v1/staff/hospitals/{hospital_id}/doctors'>['items'][number]

/** Every doctor of the hospital; the server answers a hundred at a time. */
export async function allDoctors(hospitalId: string, signal: AbortSignal): Promise<Doctor[]> {
  const found: Doctor[] = []
  let cursor: string | null | undefined
  do {
    const page = await api.get('/api/v1/staff/hospitals/{hospital_id}/doctors', {
      path: { hospital_id: hospitalId },
      query: { limit: 100, ...(cursor ? { cursor } : {}) },
      signal,
    })
    found.push(...page.items)
    cursor = page.next_cursor
  } while (cursor)
  return found
}

/** The doctors who work in a department, or all of them. */
export function doctorsOf(doctors: Doctor[], departments: Department[], departmentId: string): Doctor[] {
  const code = departments.find(({ id }) => id === departmentId)?.code
  return code === undefined ? doctors : doctors.filter((one) => one.department_codes?.includes(code))
}
