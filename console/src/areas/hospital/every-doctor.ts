// All doctors of the hospital, for a choice among them.
import { api, type Schemas } from '@/api/client'

export async function everyDoctor(
  hospitalId: string,
  signal?: AbortSignal,
): Promise<Schemas['DoctorSeen'][]> {
  const doctors: Schemas['DoctorSeen'][] = []
  let cursor: string | undefined
  do {
    const page: { items: Schemas['DoctorSeen'][]; next_cursor?: string | null } = await api.get(
      '/api/v1/staff/hospitals/{hospital_id}/doctors',
      { path: { hospital_id: hospitalId }, query: { sort: 'name', cursor, limit: 100 }, signal },
    )
    doctors.push(...page.items)
    cursor = page.next_cursor ?? undefined
  } while (cursor)
  return doctors
}
