// The hospital's departments, campuses and doctors, for choices and for names of ids.
import { api, type Body } from '@/api/client'

type Departments = Body<'get', '/api/v1/staff/hospitals/{hospital_id}/departments'>['items']
type Campuses = Body<'get', '/api/v1/staff/hospitals/{hospital_id}/campuses'>['items']
type Doctors = Body<'get', '/api/v1/staff/hospitals/{hospital_id}/doctors'>['items']

export interface Choices {
  departments: Departments
  campuses: Campuses
  doctors: Doctors
  /** The name of a doctor, department or campus. */
  nameOf: (id: string | null | undefined) => string
  /** A department's active doctors; of no department, all of them. */
  doctorsIn: (departmentId: string) => Doctors
}

const pageSize = 100

async function everyDoctor(hospitalId: string, signal?: AbortSignal): Promise<Doctors> {
  const doctors: Doctors = []
  let cursor: string | null = null
  do {
    const page: Body<'get', '/api/v1/staff/hospitals/{hospital_id}/doctors'> = await api.get(
      '/api/v1/staff/hospitals/{hospital_id}/doctors',
      {
        path: { hospital_id: hospitalId },
        query: { limit: pageSize, ...(cursor ? { cursor } : {}) },
        signal,
      },
    )
    doctors.push(...page.items)
    cursor = page.next_cursor ?? null
  } while (cursor)
  return doctors
}

/** Reads all three of a hospital. */
export async function choicesOf(hospitalId: string, signal?: AbortSignal): Promise<Choices> {
  const path = { hospital_id: hospitalId }
  const [departments, campuses, doctors] = await Promise.all([
    api.get('/api/v1/staff/hospitals/{hospital_id}/departments', { path, signal }),
    api.get('/api/v1/staff/hospitals/{hospital_id}/campuses', { path, signal }),
    everyDoctor(hospitalId, signal),
  ])
  return choices(departments.items, campuses.items, doctors)
}

export function choices(departments: Departments, campuses: Campuses, doctors: Doctors): Choices {
  const names = new Map([...departments, ...campuses, ...doctors].map(({ id, name }) => [id, name]))
  const codes = new Map(departments.map(({ id, code }) => [id, code]))
  return {
    departments,
    campuses,
    doctors,
    nameOf: (id) => (id ? (names.get(id) ?? '') : ''),
    doctorsIn: (departmentId) => {
      const code = codes.get(departmentId)
      return doctors.filter((one) => one.is_active && (!code || one.department_codes?.includes(code)))
    },
  }
}
