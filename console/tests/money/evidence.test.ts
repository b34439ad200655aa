import { describe, expect, it } from 'vitest'
import { named, shown, type Case } from '../../src/areas/money/evidence'

const found = (evidence: object, names = {}) =>
  shown({ kind: 'bill_amount', evidence, names } as unknown as Case)

describe('the evidence of a case', () => {
  it('says which side has more', () => {
    expect(found({ bill_fen: 2400, our_fen: 2500 }).sentences).toEqual([
      '账单 ¥24.00，系统 ¥25.00，账单少 ¥1.00。',
    ])
    expect(found({ bill_fen: 2400, our_fen: null }).sentences).toEqual(['账单有 ¥24.00，系统没有。'])
    expect(found({ bill_fen: null, our_fen: 2400 }).sentences).toEqual(['系统有 ¥24.00，账单没有。'])
  })
  it('counts what was watched and names the documents', () => {
    const one = found(
      {
        about: 'staff:1',
        since: '2026-11-23T05:00:00Z',
        number: 3,
        fen: 600,
        items: ['refund:0191f1c2-aaaa', 'payment:0191f1c2-bbbb'],
      },
      { 'staff:1': '李丽' },
    )
    expect(one.sentences).toEqual(['工作人员 李丽从 2026-11-23 13:00 起共 3 次。', '合计 ¥6.00。'])
    expect(one.items.map((item) => item.to)).toEqual([
      '/refunds?q=0191f1c2-aaaa',
      '/payments?q=0191f1c2-bbbb',
    ])
  })
  it('shows only what a change of settings changed', () => {
    const settings = (limit: number, threshold: number) => ({
      is_alipay_offered: true,
      second_person_over_fen: limit,
      watches: { many_orders: [threshold, 60, 1], large_refund: [20000, 1440, 1] },
    })
    const one = found({ by: 'staff:1', before: settings(20000, 10), after: settings(50000, 10) })
    expect(one.changes).toEqual([{ label: '单人退款限额', before: '¥200.00', after: '¥500.00' }])
    expect(one.rows).toEqual([])
  })
  it('leads to what a case is about', () => {
    expect(named('order:1')).toEqual({ text: '订单 1', to: '/orders/1' })
    expect(named('bill:alipay:2026-11-21')).toEqual({
      text: '支付宝 2026-11-21',
      to: '/reconciliation/alipay/2026-11-21',
    })
    expect(named('device:abcdef@2026')).toEqual({ text: '同一台设备' })
    expect(named('something else')).toEqual({ text: 'something else' })
  })
})
