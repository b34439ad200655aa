// What a hospital still needs until a patient can book there.
import { api } from '@/api/client'
import { addDays, today } from '@/parts/format'

export type CheckName = 'campuses' | 'departments' | 'doctors' | 'fees' | 'rules' | 'templates' | 'sessions'

export interface Check {
  name: CheckName
  isDone: boolean
  /** Where it is done. */
  path: string
}

const pages: Record<CheckName, string> = {
  campuses: '/hospital',
  departments: '/departments',
  doctors: '/doctors',
  fees: '/fees',
  rules: '/rules',
  templates: '/templates',
  sessions: '/schedule',
}
const daysAhead = 14

/** In the order in which one thing needs the other. */
export function checksOf(counts: Record<CheckName, number>): Check[] {
  const names = Object.keys(pages) as CheckName[]
  return names.map((name) => ({ name, isDone: counts[name] > 0, path: pages[name] }))
}

export function leftOf(checks: Check[]): number {
  return checks.filter(({ isDone }) => !isDone).length
}

async function published(path: { hospital_id: string }, signal: AbortSignal): Promise<number> {
  const query = { from: today(), to: addDays(today(), daysAhead) }
  const { rows } = await api.get('/api/v1/staff/hospitals/{hospital_id}/calendar', { path, query, signal })
  return rows.flatMap(({ cells }) => cells).filter(({ state }) => state !== 'draft').length
}

export async function loadChecks(hospitalId: string, signal: AbortSignal): Promise<Check[]> {
  const given = { path: { hospital_id: hospitalId }, signal }
  const [campuses, departments, doctors, fees, rules, templates, sessions] = await Promise.all([
    api.get('/api/v1/staff/hospitals/{hospital_id}/campuses', given),
    api.get('/api/v1/staff/hospitals/{hospital_id}/departments', given),
    api.get('/api/v1/staff/hospitals/{hospital_id}/doctors', { ...given, query: { limit: 1 } }),
    api.get('/api/v1/staff/hospitals/{hospital_id}/fees', given),
    api.get('/api/v1/staff/hospitals/{hospital_id}/rules', given),
    api.get('/api/v1/staff/hospitals/{hospital_id}/templates', given),
    published(given.path, signal),
  ])
  return checksOf({
    campuses: campuses.items.length,
    departments: departments.items.length,
    doctors: doctors.items.length,
    fees: fees.items.length,
    rules: rules.version,
    templates: templates.items.length,
    sessions,
  })
}
