/** <icon>: WeChat's nine signs as characters. */
import { builtin, type Part } from './part'

const SIGNS: Record<string, [string, string]> = {
  success: ['✓', '#09bb07'],
  success_no_circle: ['✓', '#09bb07'],
  info: ['ℹ', '#10aeff'],
  warn: ['!', '#f76260'],
  waiting: ['…', '#10aeff'],
  cancel: ['✕', '#f43530'],
  download: ['↓', '#09bb07'],
  search: ['⌕', '#b2b2b2'],
  clear: ['✕', '#b2b2b2'],
}

builtin({
  properties: { type: String, size: { type: Number, value: 23 }, color: String },
  data: { glyph: '', ink: '' },
  observers: {
    type(this: Part, type: string) {
      const [glyph, ink] = SIGNS[type] ?? ['', '']
      this.setData({ glyph, ink })
    },
  },
})
