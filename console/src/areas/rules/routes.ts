// The pages on which a hospital's booking rules are made.
import type { AreaRoute } from '@/parts/route'
import { texts } from '@/texts/rules'

export const routes: AreaRoute[] = [
  {
    path: '/rules',
    name: 'rules',
    component: () => import('./rules.vue'),
    meta: {
      title: texts.title,
      permission: 'edit_rules',
      menu: { group: 'hospital', order: 50, icon: 'rule' },
    },
  },
]
