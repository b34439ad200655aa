// Pages of the schedule.
import type { AreaRoute } from '@/parts/route'
import { texts } from '@/texts/schedule'

export const routes: AreaRoute[] = [
  {
    path: '/schedule',
    name: 'schedule',
    component: () => import('./schedule.vue'),
    meta: {
      title: texts.title,
      permission: 'view_schedule',
      menu: { group: 'work', order: 40, icon: 'calendar' },
    },
  },
  {
    path: '/schedule/:sessionId',
    name: 'session',
    component: () => import('./session.vue'),
    meta: { title: texts.session, permission: 'view_schedule' },
  },
  {
    path: '/templates',
    name: 'templates',
    component: () => import('./templates.vue'),
    meta: {
      title: texts.templates,
      permission: 'view_schedule',
      menu: { group: 'hospital', order: 60, icon: 'template' },
    },
  },
  {
    path: '/exceptions',
    name: 'exceptions',
    component: () => import('./exceptions.vue'),
    meta: {
      title: texts.exceptions,
      permission: 'view_schedule',
      menu: { group: 'hospital', order: 62, icon: 'time' },
    },
  },
  {
    path: '/schedule-changes',
    name: 'schedule-changes',
    component: () => import('./changes.vue'),
    meta: {
      title: texts.changes,
      permission: 'edit_schedule',
      menu: { group: 'hospital', order: 61, icon: 'history' },
    },
  },
]
