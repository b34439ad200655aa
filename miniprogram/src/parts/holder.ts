// How the holder of the account proves anew who they are: as they logged in on this phone, by WeChat or by a code.
import { type Schemas } from '../api/client'
import { account } from '../api/login'
import { lastKind } from '../api/token'
import { texts } from '../texts/account'
import { codeFault } from './credentials'

interface Proving {
  byCode: boolean
  code: string
  codeRequest: string | null
}

/** By a code to the account's phone; WeChat confirms who logged in by it, and who has no phone. */
export async function howProven(): Promise<{ byCode: boolean; proofNote: string }> {
  const phone = (await account())?.phone
  return phone && lastKind() !== 'wechat'
    ? { byCode: true, proofNote: texts.ownCodeTo(phone) }
    : { byCode: false, proofNote: texts.byWeChatNote }
}

/** What is wrong with the code before it is sent; nothing where none is asked for. */
export function codeMissing({ byCode, code }: Proving): { code?: string } {
  const fault = byCode ? codeFault(code) : ''
  return fault ? { code: fault } : {}
}

export async function proof({ byCode, code, codeRequest }: Proving): Promise<Schemas['HolderIn']['proof']> {
  if (byCode) return { kind: 'sms', sms_code: code, sms_request_id: codeRequest }
  return { kind: 'wechat', js_code: (await wx.login()).code }
}
