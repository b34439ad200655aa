// The pages about the hospital: itself, its departments, doctors and prices.
import type { AreaRoute } from '@/parts/route'
import { texts } from '@/texts/hospital'

export const routes: AreaRoute[] = [
  {
    path: '/hospital',
    name: 'hospital',
    component: () => import('./hospital.vue'),
    meta: {
      title: texts.hospital,
      permission: 'view_catalog',
      menu: { group: 'hospital', order: 10, icon: 'hospital' },
    },
  },
  {
    path: '/departments',
    name: 'departments',
    component: () => import('./departments.vue'),
    meta: {
      title: texts.departments,
      permission: 'view_catalog',
      menu: { group: 'hospital', order: 20, icon: 'tree' },
    },
  },
  {
    path: '/doctors',
    name: 'doctors',
    component: () => import('./doctors.vue'),
    meta: {
      title: texts.doctors,
      permission: 'view_catalog',
      menu: { group: 'hospital', order: 30, icon: 'doctor' },
    },
  },
  {
    path: '/doctors/:id',
    name: 'doctor',
    component: () => import('./doctor.vue'),
    meta: { title: texts.doctor, permission: 'view_catalog' },
  },
  {
    path: '/fees',
    name: 'fees',
    component: () => import('./fees.vue'),
    meta: {
      title: texts.fees,
      permission: 'view_catalog',
      menu: { group: 'hospital', order: 40, icon: 'money' },
    },
  },
]
