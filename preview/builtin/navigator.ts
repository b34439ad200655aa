/** <navigator>: a link to a page. */
import { wx } from '../runtime/wx'
import { builtin, defaultRole, onOwn, type Part } from './part'

type Route = (options: object) => void

const DEEDS: Record<string, string> = {
  navigate: 'navigateTo',
  redirect: 'redirectTo',
  switchTab: 'switchTab',
  reLaunch: 'reLaunch',
  navigateBack: 'navigateBack',
}

builtin({
  properties: {
    url: String,
    openType: { type: String, value: 'navigate' },
    delta: { type: Number, value: 1 },
    target: String,
  },
  lifetimes: {
    attached(this: Part) {
      defaultRole(this, 'link')
      onOwn(this, 'tap', () => this.activate())
    },
  },
  methods: {
    activate(this: Part) {
      const { url, delta, openType } = this.data
      const answers = {
        success: (result: unknown) => this.triggerEvent('success', result),
        fail: (error: unknown) => this.triggerEvent('fail', error),
        complete: (result: unknown) => this.triggerEvent('complete', result),
      }
      ;(wx[DEEDS[openType]] as Route | undefined)?.({ url, delta, ...answers })
    },
  },
})
