// The pages about bookings.
import type { AreaRoute } from '@/parts/route'
import { texts } from '@/texts/bookings'

export const routes: AreaRoute[] = [
  {
    path: '/bookings',
    name: 'bookings',
    component: () => import('./bookings.vue'),
    meta: {
      title: texts.title,
      permission: 'view_appointments',
      menu: { group: 'work', order: 20, icon: 'list' },
    },
  },
  {
    path: '/bookings/:id',
    name: 'booking',
    component: () => import('./booking.vue'),
    meta: { title: texts.one, permission: 'view_appointments' },
  },
]
