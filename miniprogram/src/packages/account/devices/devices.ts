// Where one is logged in, and ending that.
import { api, type Schemas } from '../../../api/client'
import { requireLogin } from '../../../api/login'
import { clockText, dayText } from '../../../parts/format'
import { retry, shown } from '../../../parts/loading'
import { deviceText } from '../../../parts/device'
import { look } from '../../../parts/look'
import { refused } from '../../../parts/refused'
import { texts } from '../../../texts/account'

interface Row {
  id: string
  device: string
  kind: string
  seen: string
  isCurrent: boolean
}

Page({
  behaviors: [look],
  data: { t: texts, state: 'loading' as const, problem: null, rows: [] as Row[] },
  async onShow() {
    if (await requireLogin(this)) void shown(this, () => this.load())
  },
  async load() {
    const { items } = await api.get('/api/v1/logins')
    this.setData({ rows: items.map(rowOf) })
  },
  onRetry() {
    void retry(this)
  },
  async onEnd({ currentTarget }: WechatMiniprogram.TouchEvent) {
    const { id, device } = currentTarget.dataset as { id: string; device: string }
    const { confirm } = await wx.showModal({
      title: '',
      content: texts.endDeviceAsk(device),
      confirmText: texts.logOutYes,
      cancelText: texts.logOutNo,
    })
    if (!confirm) return
    try {
      await api.delete('/api/v1/logins/{login_id}', { path: { login_id: id } })
      void wx.showToast({ title: texts.deviceEnded, icon: 'none' })
      await shown(this, () => this.load())
    } catch (error) {
      await refused(error)
    }
  },
})

function rowOf(login: Schemas['LoginOut']): Row {
  return {
    id: login.id,
    device: deviceText(login.device),
    kind: texts.loginKinds[login.kind],
    seen: texts.lastSeen(dayText(login.last_seen_at), clockText(login.last_seen_at)),
    isCurrent: login.current,
  }
}
