// The page about members of staff.
import type { AreaRoute } from '@/parts/route'
import { texts } from '@/texts/people'

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
]
