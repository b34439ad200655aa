// Pages of signing in and of one's own login, and the setup of a new installation.
import type { AreaRoute } from '@/parts/route'
import { texts } from '@/texts/login'

const { setup } = texts

export const routes: AreaRoute[] = [
  {
    path: '/login',
    name: 'login',
    component: () => import('./login.vue'),
    meta: { title: texts.title, public: true },
  },
  {
    path: '/join',
    name: 'join',
    component: () => import('./join.vue'),
    meta: { title: texts.join.title, public: true },
  },
  {
    path: '/second-factor',
    name: 'second-factor',
    component: () => import('./second-factor.vue'),
    meta: { title: texts.factor.title, needsHospital: false },
  },
  {
    path: '/devices',
    name: 'devices',
    component: () => import('./devices.vue'),
    meta: { title: texts.devices.title, needsHospital: false },
  },
  {
    path: '/security',
    name: 'security',
    component: () => import('./security.vue'),
    meta: { title: texts.security.title, needsHospital: false },
  },
  {
    path: '/setup',
    name: 'setup',
    component: () => import('./setup.vue'),
    meta: { title: setup.title, public: true },
  },
  {
    path: '/setup/hospital',
    name: 'setup-hospital',
    component: () => import('./setup-hospital.vue'),
    meta: { title: setup.hospitalTitle, permission: 'create_hospital', needsHospital: false },
  },
  {
    path: '/setup/import',
    name: 'setup-import',
    component: () => import('./setup-import.vue'),
    meta: { title: setup.importTitle, permission: 'edit_catalog' },
  },
  {
    path: '/setup/checklist',
    name: 'setup-checklist',
    component: () => import('./setup-checklist.vue'),
    meta: {
      title: setup.checkMenu,
      permission: 'edit_catalog',
      menu: { group: 'hospital', order: 95, icon: 'list' },
    },
  },
]
