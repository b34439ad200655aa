// The pages about members of staff and what is watched over.
import type { AreaRoute } from '@/parts/route'
import { texts } from '@/texts/people'
import { texts as releases } from '@/texts/releases'

export const routes: AreaRoute[] = [
  {
    path: '/people',
    name: 'people',
    component: () => import('./people.vue'),
    meta: {
      title: texts.title,
      permission: 'manage_staff',
      needsHospital: false,
      menu: { group: 'admin', order: 10, icon: 'people' },
    },
  },
  {
    path: '/control-requests',
    name: 'control-requests',
    component: () => import('./requests.vue'),
    meta: {
      title: texts.asking.title,
      permission: 'approve_control',
      needsHospital: false,
      menu: { group: 'admin', order: 15, icon: 'people' },
    },
  },
  {
    path: '/releases',
    name: 'releases',
    component: () => import('./releases.vue'),
    meta: {
      title: releases.title,
      permission: 'view_releases',
      menu: { group: 'admin', order: 30, icon: 'list' },
    },
  },
]
