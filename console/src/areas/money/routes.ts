// The pages about money.
import type { AreaRoute } from '@/parts/route'
import { texts } from '@/texts/money'

export const routes: AreaRoute[] = [
  {
    path: '/orders',
    name: 'orders',
    component: () => import('./orders.vue'),
    meta: {
      title: texts.orders.title,
      permission: 'view_orders',
      menu: { group: 'money', order: 10, icon: 'order' },
    },
  },
  {
    path: '/orders/:id',
    name: 'order',
    component: () => import('./order.vue'),
    meta: { title: texts.orders.one, permission: 'view_orders' },
  },
  {
    path: '/payments',
    name: 'payments',
    component: () => import('./payments.vue'),
    meta: {
      title: texts.payments.title,
      permission: 'view_orders',
      menu: { group: 'money', order: 20, icon: 'money' },
    },
  },
  {
    path: '/refunds',
    name: 'refunds',
    component: () => import('./refunds.vue'),
    meta: {
      title: texts.refunds.title,
      permission: 'view_orders',
      menu: { group: 'money', order: 30, icon: 'refund' },
    },
  },
  {
    path: '/cases',
    name: 'cases',
    component: () => import('./cases.vue'),
    meta: {
      title: texts.cases.title,
      permission: 'view_books',
      menu: { group: 'money', order: 40, icon: 'trouble' },
    },
  },
  {
    path: '/cases/:id',
    name: 'case',
    component: () => import('./case.vue'),
    meta: { title: texts.cases.one, permission: 'view_books' },
  },
  {
    path: '/reconciliation',
    name: 'reconciliation',
    component: () => import('./reconciliation.vue'),
    meta: {
      title: texts.days.title,
      permission: 'view_books',
      needsHospital: false,
      menu: { group: 'money', order: 50, icon: 'calendar' },
    },
  },
  {
    path: '/reconciliation/:provider/:day',
    name: 'reconciled-day',
    component: () => import('./day.vue'),
    meta: { title: texts.days.title, permission: 'view_books', needsHospital: false },
  },
  {
    path: '/ledger',
    name: 'ledger',
    component: () => import('./ledger.vue'),
    meta: {
      title: texts.ledger.title,
      permission: 'view_books',
      menu: { group: 'money', order: 60, icon: 'book' },
    },
  },
  {
    path: '/ledger/trial-balance',
    name: 'trial-balance',
    component: () => import('./trial-balance.vue'),
    meta: { title: texts.ledger.balance, permission: 'view_books' },
  },
  {
    path: '/ledger/adjustments',
    name: 'adjustments',
    component: () => import('./adjustments.vue'),
    meta: { title: texts.ledger.adjustments, permission: 'view_books' },
  },
  {
    path: '/payment-settings',
    name: 'payment-settings',
    component: () => import('./payment-settings.vue'),
    meta: {
      title: texts.settings.title,
      permission: 'view_payment_settings',
      menu: { group: 'money', order: 70, icon: 'setting' },
    },
  },
]
