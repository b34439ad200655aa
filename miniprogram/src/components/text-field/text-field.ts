// A labelled field with what is wrong under it. Says `change` at each sign and `leave` when it is left;
// what is put inside stands at its end.
import { texts } from '../../texts/account'

Component({
  properties: {
    label: { type: String, value: '' },
    value: { type: String, value: '' },
    type: { type: String, value: 'text' },
    maxlength: { type: Number, value: 140 },
    placeholder: { type: String, value: '' },
    note: { type: String, value: '' },
    wrong: { type: String, value: '' },
    /** A line under it, where another field follows in the card. */
    bordered: { type: Boolean, value: true },
    /** Hidden signs, as for a password, until asked to show them. */
    secret: { type: Boolean, value: false },
  },
  data: { t: texts, isOpen: false },
  methods: {
    onChange({ detail }: WechatMiniprogram.CustomEvent<{ value: string }>) {
      this.triggerEvent('change', { value: detail.value })
    },
    onBlur() {
      this.triggerEvent('leave')
    },
    onOpen() {
      this.setData({ isOpen: !this.data.isOpen })
    },
  },
})
