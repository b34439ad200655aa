/** WeChat's privacy agreement: asked once, kept in the browser, needed before an API touches personal data. */
import { Failure, api, news } from '../answer'
import { host } from '../host'
import { getStorageSync, setStorageSync } from './storage'
import { showModal } from './ui'

type Answer = { event: 'exposureAuthorization' | 'agree' | 'disagree'; buttonId?: string }
type Resolve = (answer: Answer) => void

const KEPT = '$privacy'
const REFUSED = { errno: 104 }

const listeners = news<{ resolve: Resolve; referrer: string }>()
let asking: Promise<boolean> | undefined
let agreedNow = false

function agreed(): boolean {
  return agreedNow || getStorageSync(KEPT) === 'agreed'
}

/** A tap on <button open-type="agreePrivacyAuthorization">. */
export function agree(): void {
  agreedNow = true
  try {
    setStorageSync(KEPT, 'agreed')
  } catch {
    // Full storage: the agreement holds until the page is closed.
  }
}

/** WeChat's own dialog, for a program that does not listen to onNeedPrivacyAuthorization. */
async function askOfficially(): Promise<Answer> {
  const content = `在使用当前功能之前，请阅读${host.privacyContract}。如果同意，请点击“同意”继续。`
  const result = await showModal({ title: '隐私保护提示', content, confirmText: '同意', cancelText: '拒绝' })
  return { event: result?.confirm ? 'agree' : 'disagree' }
}

function askProgram(referrer: string): Promise<Answer> {
  return new Promise((resolve) => {
    listeners.tell({
      referrer,
      resolve: (answer) => {
        // the dialog has been shown: not yet an answer
        if (answer.event !== 'exposureAuthorization') resolve(answer)
      },
    })
  })
}

async function ask(referrer: string): Promise<boolean> {
  const answer = await (listeners.size ? askProgram(referrer) : askOfficially())
  if (answer.event === 'agree') agree()
  return answer.event === 'agree'
}

/** Refuses unless the user has agreed, asking when needed; calls at the same time share one question. */
export async function needPrivacy(referrer: string): Promise<void> {
  if (agreed()) return
  asking ??= ask(referrer).finally(() => {
    asking = undefined
  })
  if (!(await asking)) throw new Failure('privacy permission is not authorized', REFUSED)
}

export const getPrivacySetting = api('getPrivacySetting', () => ({
  needAuthorization: !agreed(),
  privacyContractName: host.privacyContract,
}))
export const requirePrivacyAuthorize = api('requirePrivacyAuthorize', () =>
  needPrivacy('requirePrivacyAuthorize'),
)
export const openPrivacyContract = api('openPrivacyContract', () => host.openPrivacyContract())

export function onNeedPrivacyAuthorization(
  listener: (resolve: Resolve, event: { referrer: string }) => void,
): void {
  listeners.off()
  listeners.on(({ resolve, referrer }) => listener(resolve, { referrer }))
}
