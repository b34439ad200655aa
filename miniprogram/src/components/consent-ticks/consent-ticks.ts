// Agreement to texts, one tick each, never ticked beforehand. Says `change` with the kinds that are ticked.
import { openText, type Kind, type Text } from '../../parts/consents'
import { texts } from '../../texts/account'

Component({
  properties: {
    /** The texts to agree to: ConsentTextOut[]. */
    texts: { type: Array, value: [] as Text[] },
    wrong: { type: String, value: '' },
  },
  data: {
    t: texts,
    ticked: [] as Kind[],
    rows: [] as { kind: Kind; label: string; readLabel: string; ticked: boolean }[],
  },
  observers: {
    'texts, ticked'(given: Text[], ticked: Kind[]) {
      const rows = given.map(({ kind, title }) => ({
        kind,
        label: texts.agreeTo + texts.bookTitle(title),
        readLabel: texts.read + texts.bookTitle(title),
        ticked: ticked.includes(kind),
      }))
      this.setData({ rows })
    },
  },
  methods: {
    onTick({ currentTarget }: WechatMiniprogram.TouchEvent) {
      const kind = currentTarget.dataset.kind as Kind
      const before = this.data.ticked
      this.tick(before.includes(kind) ? before.filter((one) => one !== kind) : [...before, kind])
    },
    tick(ticked: Kind[]) {
      this.setData({ ticked })
      this.triggerEvent('change', { kinds: ticked })
    },
    onRead({ currentTarget }: WechatMiniprogram.TouchEvent) {
      openText(currentTarget.dataset.kind as Kind)
    },
  },
})
