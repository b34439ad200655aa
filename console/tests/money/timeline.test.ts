import { describe, expect, it } from 'vitest'
import { timelineOf, type OrderFile } from '../../src/areas/money/timeline'

describe('the story of an order', () => {
  it('is told in the order in which it happened', () => {
    const file = {
      order: { created_at: '2026-11-23T01:00:00Z' },
      payments: [
        {
          channel: 'wechat_jsapi',
          created_at: '2026-11-23T01:01:00Z',
          captured_at: '2026-11-23T01:02:00Z',
          captured_fen: 2500,
        },
      ],
      refunds: [
        {
          amount_fen: 500,
          requested_at: '2026-11-23T03:00:00Z',
          requested_by: 'system',
          settled_at: '2026-11-23T05:00:00Z',
          settled_by: 'staff:1',
          names: {},
        },
      ],
      cases: [{ kind: 'refund_abnormal', opened_at: '2026-11-23T04:00:00Z' }],
    } as unknown as OrderFile

    expect(timelineOf(file).map((one) => one.text)).toEqual([
      '下单',
      '发起付款：微信小程序支付',
      '收到 ¥25.00：微信小程序支付',
      '申请退款 ¥5.00（系统）',
      '发现异常：退款无法到达原账户',
      '线下退付 ¥5.00，已确认',
    ])
  })
})
