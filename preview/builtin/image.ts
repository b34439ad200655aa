/** <image>: WeChat's modes by object-fit and object-position. */
import { program } from '../runtime/program'
import { router } from '../runtime/router'
import { builtin, elementOf, fieldOf, type Part } from './part'

const FIT: Record<string, string> = {
  scaleToFill: 'fill',
  aspectFit: 'contain',
  aspectFill: 'cover',
  widthFix: 'fill',
  heightFix: 'fill',
}

builtin(
  {
    properties: {
      src: String,
      mode: { type: String, value: 'scaleToFill' },
      lazyLoad: Boolean,
      showMenuByLongpress: Boolean,
      webp: Boolean,
    },
    data: { address: '', fit: 'object-fit:fill', seen: '' },
    observers: {
      src(this: Part, src: string) {
        this.setData({ address: src ? program.asset(src, router.current()?.route) : '' })
      },
      mode(this: Part, mode: string) {
        const place = FIT[mode] ? '' : `;object-position:${mode}`
        this.setData({ fit: `object-fit:${FIT[mode] ?? 'none'}${place}` })
      },
      ariaLabel(this: Part, label: string | null) {
        if (label) elementOf(this).setAttribute('role', 'img')
      },
    },
    methods: {
      loaded(this: Part, event: unknown) {
        const { naturalWidth: width, naturalHeight: height } = fieldOf<HTMLImageElement>(event)
        this.setData({ seen: '' })
        this.triggerEvent('load', { width, height })
      },
      failed(this: Part) {
        // WeChat draws nothing, a browser the sign of a broken picture
        this.setData({ seen: ';visibility:hidden' })
        if (this.data.src) this.triggerEvent('error', { errMsg: `GET ${this.data.src} failed` })
      },
    },
  },
  { marks: ['mode'] },
)
