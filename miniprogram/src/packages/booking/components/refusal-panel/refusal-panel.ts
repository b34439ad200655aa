// A refusal above the page's foot: what happened, and what can be done now.
import { texts } from '../../../../texts/booking'

Component({
  properties: {
    /** a RefusalView of parts/refusal-view.ts */
    refusal: { type: Object, value: null as unknown as WechatMiniprogram.IAnyObject },
    /** false where the panel holds something that is better than its buttons */
    emphasis: { type: Boolean, value: true },
    heading: { type: String, value: '' },
    /** an empty text leaves the way back out */
    close: { type: String, value: '' },
  },
  data: { waitS: 0, waitWords: '' },
  observers: {
    refusal(refusal: { waitS: number } | null) {
      this.waitFor(refusal?.waitS ?? 0)
    },
  },
  lifetimes: {
    detached() {
      clearTimeout((this as unknown as { timer: number }).timer)
    },
  },
  methods: {
    /** The server said how long to wait; the button says so and waits as long. */
    waitFor(seconds: number) {
      const self = this as unknown as { timer: number }
      clearTimeout(self.timer)
      this.setData({ waitS: seconds, waitWords: seconds ? texts.confirm.retryIn(seconds) : '' })
      if (seconds) self.timer = setTimeout(() => this.waitFor(seconds - 1), 1000)
    },
    onWay(event: WechatMiniprogram.TouchEvent) {
      this.triggerEvent('way', { step: event.currentTarget.dataset.step })
    },
    onClose() {
      this.triggerEvent('close')
    },
  },
})
