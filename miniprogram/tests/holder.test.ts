// How the holder proves anew who they are: by a code, or silently by WeChat.
import { beforeEach, expect, test } from 'vitest'
import { keepAccount } from '../src/api/login'
import { keepToken, type LoginKind } from '../src/api/token'
import { codeMissing, howProven, proof } from '../src/parts/holder'
import { placeWx } from './wx'

beforeEach(() => {
  placeWx(() => ({ status: 404, data: { code: 'not-found', title: '没有找到' } }))
})

function loggedIn(kind: LoginKind, phone: string | null) {
  keepToken('t', kind, 'd')
  keepAccount({ id: 'a1', username: null, phone, created_at: '' })
}

test('a code goes to the phone of who logged in by password or code', async () => {
  loggedIn('password', '138****8000')
  expect(await howProven()).toEqual({
    byCode: true,
    proofNote: '验证码会发到 138****8000，用来确认是您本人',
  })
})

test('WeChat confirms who logged in by it, and who has no phone', async () => {
  loggedIn('wechat', '138****8000')
  expect((await howProven()).byCode).toBe(false)
  loggedIn('sms', null)
  expect((await howProven()).byCode).toBe(false)
})

test('a code is asked for where one is needed only', () => {
  expect(codeMissing({ byCode: true, code: '12', codeRequest: null }).code).toContain('6 位')
  expect(codeMissing({ byCode: false, code: '', codeRequest: null })).toEqual({})
})

test('a code goes with its request', async () => {
  expect(await proof({ byCode: true, code: '123456', codeRequest: 'r1' })).toEqual({
    kind: 'sms',
    sms_code: '123456',
    sms_request_id: 'r1',
  })
})
