// The people somebody books for.
import { api } from '../../../api/client'
import { requireLogin } from '../../../api/login'
import { retry, shown } from '../../../parts/loading'
import { look } from '../../../parts/look'
import { personOf, type Person } from '../../../parts/person'
import { texts } from '../../../texts/account'
import { openPage } from '../../../parts/open'

Page({
  behaviors: [look],
  data: { t: texts, state: 'loading' as const, problem: null, rows: [] as Person[] },
  async onShow() {
    if (!(await requireLogin(this))) return
    await shown(this, async () => {
      const { items } = await api.get('/api/v1/patients')
      this.setData({ rows: items.map((one) => personOf(one, items)) })
      return items.length ? undefined : 'empty'
    })
  },
  onRetry() {
    void retry(this)
  },
  onPatient({ currentTarget }: WechatMiniprogram.TouchEvent) {
    openPage(`/packages/account/patient/patient?id=${currentTarget.dataset.id}`)
  },
  onAdd() {
    openPage('/packages/account/patient/patient')
  },
})
