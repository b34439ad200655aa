// What happened to the account: new devices, other password or phone, patients who were taken out.
import { api } from '../../../api/client'
import { requireLogin } from '../../../api/login'
import { retry, shown } from '../../../parts/loading'
import { look } from '../../../parts/look'
import { openPage } from '../../../parts/open'
import { rowOf, type EventRow } from '../../../parts/security'
import { texts } from '../../../texts/account'

Page({
  behaviors: [look],
  data: { t: texts, state: 'loading' as const, problem: null, rows: [] as EventRow[] },
  async onShow() {
    if (await requireLogin(this)) void shown(this, () => this.load())
  },
  async load(): Promise<void | 'empty'> {
    const { items } = await api.get('/api/v1/me/security-events')
    if (!items.length) return 'empty' as const
    this.setData({ rows: items.map(rowOf) })
    if (items.some(({ seen_at: seen }) => seen === null)) {
      await api.post('/api/v1/me/security-events/seen', { body: { newest_id: items[0].id } })
    }
    return undefined
  },
  onRetry() {
    void retry(this)
  },
  onOpen({ currentTarget }: WechatMiniprogram.TouchEvent) {
    openPage(currentTarget.dataset.url as string)
  },
})
