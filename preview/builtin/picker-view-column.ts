/** <picker-view-column>: one wheel of a picker-view. */
import { builtin, innerOf, type Part } from './part'

const SETTLE_MS = 120

builtin({
  lifetimes: {
    attached(this: Part) {
      innerOf(this).addEventListener('scroll', () => {
        clearTimeout(this.timer)
        this.timer = setTimeout(
          () => this.triggerEvent('columnturn', {}, { bubbles: true, composed: true }),
          SETTLE_MS,
        )
      })
    },
    detached(this: Part) {
      clearTimeout(this.timer)
    },
  },
})
