// When, where and with whom, the time and the place large.
Component({
  properties: {
    /** a Visit of parts/standing.ts */
    visit: { type: Object, value: null as unknown as WechatMiniprogram.IAnyObject },
  },
})
