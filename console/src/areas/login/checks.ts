// What a hospital still needs until a patient can book there.
import { api, type Body } from '@/api/client'
import { addDays, today } from '@/parts/format'

export type CheckName = 'campuses' | 'departments' | 'doctors' | 'fees' | 'rules' | 'templates' | 'sessions'

export interface Check {
  name: CheckName
  isDone: boolean
  /** Where it is done. */
  path: string
}

export interface Readiness {
  checks: Check[]
  /** A place is on open sale now; without one, what was published waits for its release. */
  isBookable: boolean
}

type Cell = Body<'get', '/api/v1/staff/hospitals/{hospital_id}/calendar'>['rows'][number]['cells'][number]

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

/** Whether sessions follow from the templates by themselves, which takes the server up to a minute. */
export function isMaking(checks: Check[]): boolean {
  const left = checks.filter(({ isDone }) => !isDone)
  return left.length === 1 && left[0].name === 'sessions'
}

/** Sessions that patients see and that are neither over nor stopped. */
export function onSale(cells: Pick<Cell, 'state' | 'free'>[]) {
  const seen = cells.filter(({ state }) => state === 'published' || state === 'released')
  const isBookable = seen.some(({ state, free }) => state === 'released' && free > 0)
  return { sessions: seen.length, isBookable }
}

async function calendar(path: { hospital_id: string }, signal: AbortSignal) {
  const query = { from: today(), to: addDays(today(), daysAhead) }
  const { rows } = await api.get('/api/v1/staff/hospitals/{hospital_id}/calendar', { path, query, signal })
  return onSale(rows.flatMap(({ cells }) => cells))
}

export async function loadChecks(hospitalId: string, signal: AbortSignal): Promise<Readiness> {
  const given = { path: { hospital_id: hospitalId }, signal }
  const [campuses, departments, doctors, fees, rules, templates, sale] = await Promise.all([
    api.get('/api/v1/staff/hospitals/{hospital_id}/campuses', given),
    api.get('/api/v1/staff/hospitals/{hospital_id}/departments', given),
    api.get('/api/v1/staff/hospitals/{hospital_id}/doctors', { ...given, query: { limit: 1 } }),
    api.get('/api/v1/staff/hospitals/{hospital_id}/fees', given),
    api.get('/api/v1/staff/hospitals/{hospital_id}/rules', given),
    api.get('/api/v1/staff/hospitals/{hospital_id}/templates', given),
    calendar(given.path, signal),
  ])
  const checks = checksOf({
    campuses: campuses.items.length,
    departments: departments.items.length,
    doctors: doctors.items.length,
    fees: fees.items.length,
    rules: rules.version,
    templates: templates.items.length,
    sessions: sale.sessions,
  })
  return { checks, isBookable: sale.isBookable }
}
