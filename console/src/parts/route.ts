// What an area says of its pages; src/areas/<area>/routes.ts exports `routes` of this type.
import type { Component } from 'vue'
import type { Schemas } from '@/api/client'
import type { IconName } from '@/components/menu-icons'

export type Permission = Schemas['Permission']
export type MenuGroup = 'work' | 'hospital' | 'money' | 'admin'

export interface AreaRoute {
  /** Below /console, as '/bookings/:id'. */
  path: string
  name: string
  component: () => Promise<{ default: Component } | Component>
  meta: {
    title: string
    /** Any one of these opens the page; a page without any is for everybody who is logged in. */
    permission?: Permission | Permission[]
    /** Shown to people who are not logged in, without the frame. */
    public?: boolean
    /** The page belongs to a hospital: one must be chosen. True unless said otherwise; public pages need none. */
    needsHospital?: boolean
    menu?: { group: MenuGroup; order: number; icon: IconName }
  }
}
