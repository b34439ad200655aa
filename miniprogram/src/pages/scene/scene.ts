// Opens what a scanned code stands for.
import { decoded } from '../../parts/decoded'
import { api } from '../../api/client'
import { Refusal } from '../../api/refusal'
import { retry, shown } from '../../parts/loading'
import { look } from '../../parts/look'
import { pageOf } from '../../parts/scene'
import { texts } from '../../texts/app'

Page({
  behaviors: [look],
  data: { t: texts, state: 'loading' as const, problem: null },
  onLoad({ code: written = '' }: { code?: string }) {
    const code = decoded(written)
    void shown(this, async () => {
      try {
        const scene = await api.get('/api/v1/scenes/{scene}', { path: { scene: code } })
        await wx.redirectTo({ url: pageOf(scene, code) })
      } catch (error) {
        if (error instanceof Refusal && error.status === 404) return 'empty'
        throw error
      }
    })
  },
  onRetry() {
    void retry(this)
  },
  onHome() {
    void wx.switchTab({ url: '/pages/home/home' })
  },
})
