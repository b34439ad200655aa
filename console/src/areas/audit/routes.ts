// The pages about the audit trail.
import type { AreaRoute } from '@/parts/route'
import { texts } from '@/texts/audit'

export const routes: AreaRoute[] = [
  {
    path: '/audit',
    name: 'audit',
    component: () => import('./audit.vue'),
    meta: {
      title: texts.title,
      permission: 'view_audit',
      needsHospital: false,
      menu: { group: 'admin', order: 20, icon: 'shield' },
    },
  },
]
