// Importing and exporting a whole hospital as a workbook.
import type { AreaRoute } from '@/parts/route'
import { texts } from '@/texts/imports'

export const routes: AreaRoute[] = [
  {
    path: '/imports',
    name: 'imports',
    component: () => import('./imports.vue'),
    meta: {
      title: texts.title,
      permission: 'edit_catalog',
      needsHospital: false,
      menu: { group: 'hospital', order: 90, icon: 'import' },
    },
  },
]
