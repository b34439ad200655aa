// The questions people ask, answered, and the hospitals' phones.
import { api } from '../../../api/client'
import { retry, shown } from '../../../parts/loading'
import { look } from '../../../parts/look'
import { texts } from '../../../texts/account'
import { openPage } from '../../../parts/open'

interface Hospital {
  id: string
  name: string
  address: string
  phones: { number: string; text: string }[]
}

Page({
  behaviors: [look],
  data: { t: texts, state: 'loading' as const, problem: null, hospitals: [] as Hospital[] },
  onLoad() {
    void shown(this, async () => {
      const { items } = await api.get('/api/v1/hospitals', { query: { limit: 100 } })
      const hospitals = items.map(({ id, name, address, phones }) => ({
        id,
        name,
        address,
        phones: phones.map((number) => ({ number, text: texts.call(number) })),
      }))
      this.setData({ hospitals })
    })
  },
  onRetry() {
    void retry(this)
  },
  onOpen({ currentTarget }: WechatMiniprogram.TouchEvent) {
    const url = currentTarget.dataset.url as string
    if (url.startsWith('/pages/')) void wx.switchTab({ url })
    else openPage(url)
  },
  onCall({ currentTarget }: WechatMiniprogram.TouchEvent) {
    wx.makePhoneCall({ phoneNumber: currentTarget.dataset.phone as string, fail: () => undefined })
  },
})
