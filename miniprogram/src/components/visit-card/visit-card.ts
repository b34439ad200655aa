// The next visit on the home page: when and where, and what is still to be done.
import type { Visit } from '../../parts/visit'
import { texts } from '../../texts/catalog'

Component({
  properties: {
    visit: { type: Object, value: {} as Visit },
  },
  data: { t: texts.home },
  methods: {
    onOpen() {
      this.triggerEvent('open')
    },
    onCall() {
      const { phone } = this.data.visit as Visit
      wx.makePhoneCall({ phoneNumber: phone }).catch(() => undefined)
    },
  },
})
