// Finds the pages of all areas, and lets nobody into a page that is not theirs.
import { createRouter, createWebHistory, type RouteRecordRaw } from 'vue-router'
import { guardRouter } from './parts/guard'
import type { AreaRoute } from './parts/route'
import { texts } from './texts/app'

const found = import.meta.glob<{ routes: AreaRoute[] }>('./areas/*/routes.ts', { eager: true })

export const areaRoutes: AreaRoute[] = Object.values(found).flatMap(({ routes }) => routes)

export const router = createRouter({
  history: createWebHistory('/console/'),
  routes: [
    ...(areaRoutes as unknown as RouteRecordRaw[]),
    {
      path: '/',
      name: 'start',
      component: () => import('./components/start-page.vue'),
      meta: { title: '', needsHospital: false },
    },
    {
      path: '/:rest(.*)*',
      name: 'lost',
      component: () => import('./components/lost-page.vue'),
      meta: { title: texts.lost.title },
    },
  ],
  scrollBehavior: (_to, _from, saved) => saved ?? { top: 0 },
})

guardRouter(router)
