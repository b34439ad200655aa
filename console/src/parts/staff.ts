// Who is logged in, what they may do, and the hospital they work on now.
import { defineStore } from 'pinia'
import { computed, ref } from 'vue'
import { api, type Body, Refusal } from '@/api/client'
import { keepCsrfToken } from '@/api/session'
import type { AreaRoute, Permission } from './route'

export type Staff = Body<'get', '/api/v1/staff/me'>
export type Hospital = Body<'get', '/api/v1/staff/hospitals'>['items'][number]

const keptHospital = 'guahao.hospital'

export const useStaff = defineStore('staff', () => {
  const staff = ref<Staff | null>(null)
  const chosen = ref<string | null>(localStorage.getItem(keptHospital))
  const hospitals = ref<Hospital[]>([])
  const problem = ref<unknown>(null)
  let recalled: Promise<void> | null = null

  /** The hospital worked on; null for the platform's people before they chose one. */
  const hospitalId = computed(() => staff.value?.hospital_id ?? chosen.value)
  const isPlatform = computed(() => staff.value !== null && staff.value.hospital_id === null)

  function can(permission: Permission): boolean {
    return staff.value?.permissions.includes(permission) ?? false
  }

  function mayOpen({ permission }: AreaRoute['meta']): boolean {
    if (permission === undefined) return true
    return [permission].flat().some(can)
  }

  function choose(id: string): void {
    chosen.value = id
    localStorage.setItem(keptHospital, id)
  }

  async function load(): Promise<void> {
    problem.value = null
    try {
      const me = await api.get('/api/v1/staff/me')
      keepCsrfToken((me as { csrf_token?: string | null }).csrf_token ?? null)
      staff.value = me
      if (me.permissions.includes('view_catalog')) await loadHospitals()
    } catch (error) {
      staff.value = null
      if (!(error instanceof Refusal && error.status === 401)) problem.value = error
    }
  }

  async function loadHospitals(): Promise<void> {
    hospitals.value = (await api.get('/api/v1/staff/hospitals')).items
    if (isPlatform.value && !hospitals.value.some(({ id }) => id === chosen.value)) {
      chosen.value = hospitals.value[0]?.id ?? null
    }
  }

  /** Ask the server who is logged in, once; after a login or a failure ask anew by `again`. */
  function recall(again = false): Promise<void> {
    if (again || problem.value) recalled = null
    recalled ??= load()
    return recalled
  }

  async function logOut(): Promise<void> {
    await api.delete('/api/v1/staff/logins/current')
    forget()
  }

  function forget(): void {
    staff.value = null
    keepCsrfToken(null)
    recalled = Promise.resolve()
  }

  return {
    staff,
    hospitalId,
    hospitals,
    isPlatform,
    problem,
    can,
    mayOpen,
    choose,
    recall,
    logOut,
    forget,
    loadHospitals,
  }
})
