// The page that staff begin their day with.
import type { AreaRoute } from '@/parts/route'
import { texts } from '@/texts/today'

export const routes: AreaRoute[] = [
  {
    path: '/today',
    name: 'today',
    component: () => import('./today.vue'),
    meta: {
      title: texts.title,
      permission: 'view_catalog',
      menu: { group: 'work', order: 10, icon: 'home' },
    },
  },
]
