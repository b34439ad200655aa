import { describe, expect, it } from 'vitest'
import { nextStep, wordsOf, type Refund } from '../../src/areas/money/refunds'
import { texts } from '../../src/texts/money'

const { nexts, deeds } = texts.refunds

function refund(values: Partial<Refund>): Refund {
  return {
    state: 'abnormal',
    channel: 'wechat_jsapi',
    channel_refund_id: '50000',
    settled_by: null,
    recall_asked_by: null,
    recalled_by: null,
    recalled_at: null,
    expected_by: null,
    names: {},
    ...values,
  } as Refund
}

describe('what happens next with a refund', () => {
  it('is told by its channel while it waits to be sent', () => {
    expect(nextStep(refund({ state: 'requested', channel: 'cash' }))).toBe(nexts.requestedCash)
    expect(nextStep(refund({ state: 'requested' }))).toBe(nexts.requestedOnline)
  })
  it('names the day by which it arrives', () => {
    const sent = refund({ state: 'submitted', expected_by: '2026-11-26T02:00:00Z' })
    expect(nextStep(sent)).toContain('11月26日')
  })
  it('follows the money back to the hospital', () => {
    expect(nextStep(refund({}))).toBe(nexts.stuck)
    expect(nextStep(refund({ recall_asked_by: 'staff:1' }))).toBe(nexts.recallAsked)
    expect(nextStep(refund({ recall_asked_by: 'staff:1', recalled_by: 'staff:2' }))).toBe(nexts.recalling)
    expect(nextStep(refund({ recalled_by: 'staff:2', recalled_at: '2026-11-23T00:00:00Z' }))).toBe(
      nexts.recalled,
    )
  })
  it('knows a refusal from a card that takes nothing, and Alipay that gives nothing back', () => {
    expect(nextStep(refund({ channel_refund_id: null }))).toBe(nexts.refused)
    expect(nextStep(refund({ channel: 'alipay_wap' }))).toBe(nexts.stuckAlipay)
  })
  it('names who handed it over', () => {
    const given = refund({ state: 'manual', settled_by: 'staff:1', names: { 'staff:1': '李丽' } })
    expect(nextStep(given)).toBe(nexts.manual('李丽'))
  })
  it('does not say that cash went to the account', () => {
    expect(nextStep(refund({ state: 'success', settled_by: 'staff:1' }))).toBe(nexts.handedOver)
    expect(nextStep(refund({ state: 'success' }))).toBe(nexts.arrived)
  })
})

describe('how a deed is called', () => {
  it('is another word when somebody says to have handed it over', () => {
    expect(wordsOf(refund({ state: 'awaiting_approval' }), 'approve').verb).toBe(deeds.approve)
    expect(wordsOf(refund({ state: 'manual' }), 'approve').verb).toBe(deeds.confirm)
    expect(wordsOf(refund({ state: 'manual' }), 'reject').verb).toBe(deeds.deny)
  })
  it('is agreeing for the second person', () => {
    expect(wordsOf(refund({}), 'recall').verb).toBe(deeds.recall)
    expect(wordsOf(refund({ recall_asked_by: 'staff:1' }), 'recall').verb).toBe(deeds.recallAgree)
  })
})
