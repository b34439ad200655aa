/** <web-view>: another site over the whole page, in a frame. */
import { builtin, type Part } from './part'

builtin({
  properties: { src: String },
  methods: {
    loaded(this: Part) {
      this.triggerEvent('load', { src: this.data.src })
    },
  },
})
