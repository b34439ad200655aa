// Asks for agreement to the privacy texts, on the page that is looked at.
import { openText, type Kind } from '../../parts/consents'
import { agree, disagree, onQuestion, question, type Question } from '../../parts/privacy'
import { texts } from '../../texts/app'

interface Running {
  forget: () => void
}

Component({
  data: { t: texts, isOpen: false, isNeeded: false },
  lifetimes: {
    attached() {
      this.show(question())
      ;(this as unknown as Running).forget = onQuestion((open) => this.show(open))
    },
    detached() {
      ;(this as unknown as Running).forget()
    },
  },
  methods: {
    show(open: Question | null) {
      this.setData({ isOpen: open !== null, isNeeded: open?.isNeeded ?? false })
    },
    onAgree() {
      agree('agree-privacy')
    },
    onDisagree() {
      disagree()
    },
    onRead({ currentTarget }: WechatMiniprogram.TouchEvent) {
      openText(currentTarget.dataset.kind as Kind)
    },
    onContract() {
      wx.openPrivacyContract({ fail: () => openText('privacy') })
    },
  },
})
