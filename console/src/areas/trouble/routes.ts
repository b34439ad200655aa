// The page of events that could not be told.
import type { AreaRoute } from '@/parts/route'
import { texts } from '@/texts/trouble'

export const routes: AreaRoute[] = [
  {
    path: '/trouble',
    name: 'trouble',
    component: () => import('./trouble.vue'),
    meta: {
      title: texts.title,
      permission: 'view_events',
      needsHospital: false,
      menu: { group: 'admin', order: 80, icon: 'trouble' },
    },
  },
]
