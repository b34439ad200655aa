// WeChat's privacy agreement: asked at the first start, and again when something needs it after a refusal.
import { drop, keep, kept } from '../api/storage'

type Resolve = (answer: { event: 'agree' | 'disagree'; buttonId?: string }) => void
export interface Question {
  /** True when something that was pressed waits for the answer. */
  isNeeded: boolean
  resolve: Resolve
}

const refusedKey = 'privacy-refused'
let open: Question | null = null
const listeners = new Set<(question: Question | null) => void>()

function put(question: Question | null): void {
  open = question
  listeners.forEach((listener) => listener(question))
}

/** Called once at the app's start. */
export function watchPrivacy(): void {
  if (!wx.onNeedPrivacyAuthorization) return
  // WeChat's types say nothing of what the callback is given: the function that takes the answer.
  wx.onNeedPrivacyAuthorization((resolve: unknown) => put({ isNeeded: true, resolve: resolve as Resolve }))
  wx.getPrivacySetting({
    success: ({ needAuthorization }) => {
      const refused = kept(refusedKey) === true
      if (needAuthorization && !refused && !open) put({ isNeeded: false, resolve: () => undefined })
    },
  })
}

export function question(): Question | null {
  return open
}

/** Calls `listener` when a question opens or closes; the answer ends that. */
export function onQuestion(listener: (question: Question | null) => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

/** Agreement is given through the native button `buttonId`, as WeChat asks. */
export function agree(buttonId: string): void {
  drop(refusedKey)
  open?.resolve({ event: 'agree', buttonId })
  put(null)
}

/** Refused: one may still look around, and is asked again when something needs it. */
export function disagree(): void {
  keep(refusedKey, true)
  open?.resolve({ event: 'disagree' })
  put(null)
}
