// One of the texts that people agree to, to be read.
import { consentTexts } from '../../../parts/consents'
import { retry, shown } from '../../../parts/loading'
import { look } from '../../../parts/look'
import { blocks, type Block } from '../../../parts/markdown'
import { texts } from '../../../texts/account'

Page({
  behaviors: [look],
  data: { t: texts, state: 'loading' as const, problem: null, blocks: [] as Block[], version: '' },
  onLoad({ kind }: { kind?: string }) {
    void shown(this, async () => {
      const text = (await consentTexts()).find((one) => one.kind === kind)
      if (!text) return 'empty'
      wx.setNavigationBarTitle({ title: text.title })
      this.setData({ blocks: blocks(text.body), version: texts.version(text.version) })
    })
  },
  onRetry() {
    void retry(this)
  },
})
