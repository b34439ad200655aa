// Makes a file of all that is held, once the holder has proven who they are, and hands it over.
import { serverNow } from '../../../api/clock'
import { api } from '../../../api/client'
import { requireLogin } from '../../../api/login'
import { dateOf } from '../../../parts/format'
import { form, isPlaced } from '../../../parts/form'
import { codeMissing, howProven, proof } from '../../../parts/holder'
import { retry, shown } from '../../../parts/loading'
import { look } from '../../../parts/look'
import { refused } from '../../../parts/refused'
import { texts } from '../../../texts/account'

const places = { 'sms-code-wrong': 'code' }

Page({
  behaviors: [look, form],
  data: {
    t: texts,
    state: 'loading' as const,
    problem: null,
    byCode: false,
    proofNote: '',
    code: '',
    codeRequest: null as string | null,
    wrong: {} as { code?: string },
    isBusy: false,
    file: '',
  },

  async onShow() {
    if ((await requireLogin(this)) && !this.data.file) void shown(this, () => this.load())
  },

  async load() {
    this.setData({ ...(await howProven()) })
  },

  onRetry() {
    void retry(this)
  },

  onUnload() {
    if (this.data.file) wx.getFileSystemManager().unlink({ filePath: this.data.file })
  },

  async onMake() {
    const wrong = codeMissing(this.data)
    this.setData({ wrong })
    if (this.data.isBusy || wrong.code) return
    this.setData({ isBusy: true })
    try {
      const copy = await api.post('/api/v1/me/export', { body: { proof: await proof(this.data) } })
      const file = `${wx.env.USER_DATA_PATH}/my-data-${dateOf(serverNow())}.json`
      wx.getFileSystemManager().writeFileSync(file, JSON.stringify(copy, null, 2), 'utf8')
      this.setData({ file })
    } catch (error) {
      if (!isPlaced(this, error, places)) await refused(error)
    } finally {
      this.setData({ isBusy: false })
    }
  },

  /** WeChat lets a file go only when a finger asks for it. */
  onSave() {
    wx.shareFileMessage({
      filePath: this.data.file,
      fail: ({ errMsg }) => {
        if (!errMsg.includes('cancel')) void wx.showToast({ title: texts.exportFailed, icon: 'none' })
      },
    })
  },
})
