// What all forms do: keep what is typed, and put a refusal beside the field that it is about.
import { Refusal } from '../api/refusal'

/** For `behaviors: [form]`: `bind:change="onField" data-field="phone"` keeps data.phone and clears data.wrong.phone. */
export const form = Behavior({
  methods: {
    onField({ currentTarget, detail }: WechatMiniprogram.CustomEvent<{ value: string }>) {
      const field = currentTarget.dataset.field as string
      this.setData({ [field]: detail.value, [`wrong.${field}`]: '' })
    },
    /** A code was sent: the id of the request goes with it to the server. */
    onCodeRequest({ detail }: WechatMiniprogram.CustomEvent<{ id: string }>) {
      this.setData({ codeRequest: detail.id })
    },
  },
})

interface AnyPage {
  setData(data: Record<string, unknown>): void
}

/** True when the refusal's code has a field in `places`: the server's sentence stands there now. */
export function isPlaced(page: AnyPage, error: unknown, places: Record<string, string>): boolean {
  const place = error instanceof Refusal ? places[error.code] : undefined
  if (!place || !(error instanceof Refusal)) return false
  page.setData({ [`wrong.${place}`]: error.title })
  return true
}
