// The page of the window and phone desk.
import type { AreaRoute } from '@/parts/route'
import { texts } from '@/texts/desk'
import { texts as duplicates } from '@/texts/duplicates'

export const routes: AreaRoute[] = [
  {
    path: '/desk',
    name: 'desk',
    component: () => import('./desk.vue'),
    meta: {
      title: texts.title,
      permission: 'book_for_patient',
      menu: { group: 'work', order: 30, icon: 'desk' },
    },
  },
  {
    path: '/duplicates',
    name: 'duplicates',
    component: () => import('./duplicates.vue'),
    meta: {
      title: duplicates.title,
      permission: 'book_for_patient',
      menu: { group: 'work', order: 35, icon: 'people' },
    },
  },
]
