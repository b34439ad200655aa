// Who is logged in, what they may do, and the hospital they work on now.
import { defineStore } from 'pinia'
import { computed, ref, shallowRef } from 'vue'
import { api, Refusal, type Body } from '@/api/client'
import { keepCsrfToken } from '@/api/session'
import type { AreaRoute, Permission } from './route'

export type Staff = Body<'get', '/api/v1/staff/me'>
export type Hospital = Body<'get', '/api/v1/staff/hospitals'>['items'][number]

/** Who it is and what they may do. */
function useMember() {
  const staff = shallowRef<Staff | null>(null)
  const isPlatform = computed(() => staff.value !== null && staff.value.hospital_id === null)

  function can(permission: Permission): boolean {
    return staff.value?.permissions.includes(permission) ?? false
  }
  function mayOpen({ permission }: Pick<AreaRoute['meta'], 'permission'>): boolean {
    return permission === undefined || [permission].flat().some(can)
  }
  return { staff, isPlatform, can, mayOpen }
}

/** The hospital worked on: one's own, or the one that the platform's people chose. */
function useHospital({ staff, isPlatform, can }: ReturnType<typeof useMember>) {
  const kept = 'guahao.hospital'
  const chosen = ref(localStorage.getItem(kept))
  const hospitals = shallowRef<Hospital[]>([])
  const areKnown = ref(false)
  const hospitalId = computed(() => staff.value?.hospital_id ?? chosen.value)

  function choose(id: string): void {
    chosen.value = id
    localStorage.setItem(kept, id)
  }
  async function loadHospitals(): Promise<void> {
    hospitals.value = (await api.get('/api/v1/staff/hospitals')).items
    areKnown.value = true
    if (isPlatform.value && !hospitals.value.some(({ id }) => id === chosen.value)) {
      chosen.value = hospitals.value[0]?.id ?? null
    }
  }
  /** A new installation, whose first hospital this person can add. */
  const lacksFirstHospital = computed(
    () => areKnown.value && isPlatform.value && can('create_hospital') && hospitals.value.length === 0,
  )
  return { hospitals, hospitalId, choose, loadHospitals, lacksFirstHospital }
}

export const useStaff = defineStore('staff', () => {
  const member = useMember()
  const hospital = useHospital(member)
  const problem = shallowRef<unknown>(null)
  let recalled: Promise<void> | null = null

  async function load(): Promise<void> {
    problem.value = null
    try {
      const me = await api.get('/api/v1/staff/me')
      keepCsrfToken(me.csrf_token ?? null)
      member.staff.value = me
      if (member.can('view_catalog')) await hospital.loadHospitals()
    } catch (error) {
      member.staff.value = null
      if (!(error instanceof Refusal && error.status === 401)) problem.value = error
    }
  }

  /** Ask the server who is logged in, once; `again` after a login or a failure. */
  function recall(again = false): Promise<void> {
    if (again || problem.value) recalled = null
    recalled ??= load()
    return recalled
  }
  function forget(): void {
    member.staff.value = null
    keepCsrfToken(null)
    recalled = Promise.resolve()
  }

  return { ...member, ...hospital, problem, recall, forget }
})
