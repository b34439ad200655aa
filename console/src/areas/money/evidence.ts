// What a finance case rests on, as sentences and as a table instead of raw data.
import type { Body } from '@/api/client'
import { dateTimeText, money } from '@/parts/format'
import { texts } from '@/texts/money'
import { short } from './asking'
import { errorText } from './days'

export type Case = Body<'get', '/api/v1/staff/cases/{case_id}'>

/** Something that a case names, and the page it leads to, where there is one. */
export interface Named {
  text: string
  to?: string
}
export interface Row {
  label: string
  value: Named
}
export interface Change {
  label: string
  before: string
  after: string
}
export interface Shown {
  sentences: string[]
  rows: Row[]
  items: Named[]
  changes: Change[]
}

const words = texts.evidence
type Fields = Record<string, unknown>

const number = (value: unknown): number | null => (typeof value === 'number' ? value : null)
const plain = (value: unknown): string => (value === null || value === undefined ? '' : String(value))

const pages: Record<string, (id: string) => string> = {
  order: (id) => `/orders/${id}`,
  payment: (id) => `/payments?q=${id}`,
  refund: (id) => `/refunds?q=${id}`,
  'refund-number': (id) => `/refunds?q=${id}`,
  transaction: (id) => `/payments?q=${id}`,
}

const said: Record<string, (id: string, names: Record<string, string>) => Named> = {
  staff: (id, names) => ({ text: words.staff(names[`staff:${id}`] ?? texts.system) }),
  device: () => ({ text: words.device }),
  provider: (id) => ({ text: `${texts.cases.subjects.provider} ${providerName(id)}` }),
  bill: (id) => {
    const [provider, day] = id.split(':')
    return { text: `${providerName(provider)} ${day}`, to: `/reconciliation/${provider}/${day}` }
  },
}

function providerName(id: string): string {
  return id in texts.providers ? texts.providers[id as keyof typeof texts.providers] : id
}

/** What a subject such as `payment:<id>` names, and where it can be read. */
export function named(subject: string, names: Record<string, string> = {}): Named {
  const [whole] = subject.split('@')
  const [noun, ...rest] = whole.split(':')
  const id = rest.join(':')
  if (noun in said) return said[noun](id, names)
  const word = texts.cases.subjects[noun]
  return word ? { text: `${word} ${short(id)}`, to: pages[noun]?.(id) } : { text: whole }
}

function aboutBill({ bill_fen, our_fen }: Fields): string[] {
  const [bill, ours] = [number(bill_fen), number(our_fen)]
  if (bill !== null && ours !== null)
    return [words.difference(money(bill), money(ours), bill > ours, money(Math.abs(bill - ours)))]
  if (bill !== null) return [words.billOnly(money(bill))]
  return ours === null ? [] : [words.oursOnly(money(ours))]
}

function aboutAmounts({ asked_fen, captured_fen, amount_fen }: Fields): string[] {
  const [asked, captured, amount] = [number(asked_fen), number(captured_fen), number(amount_fen)]
  if (asked !== null && captured !== null) return [words.asked(money(asked), money(captured))]
  return amount === null ? [] : [words.amount(money(amount))]
}

function aboutWatch(evidence: Fields, names: Record<string, string>): string[] {
  const often = number(evidence.number)
  if (often === null || !evidence.since) return []
  const about = named(plain(evidence.about) || `provider:${plain(evidence.provider)}`, names)
  const said = [words.often(about.text, often, dateTimeText(plain(evidence.since)))]
  const sum = number(evidence.fen)
  return sum === null ? said : [...said, words.sum(money(sum))]
}

const shownAs: Record<string, (value: string) => Named> = {
  provider: (value) => ({ text: providerName(value) }),
  source: (value) => ({ text: words.sources[value] ?? value }),
  outcome: (value) => ({ text: words.outcomes[value] ?? value }),
  order_id: (value) => ({ text: value, to: `/orders/${value}` }),
}

function valueOf(key: string, value: unknown): Named {
  if (key.endsWith('_fen')) return { text: money(number(value)) }
  const show = shownAs[key] ?? ((text: string) => ({ text }))
  return show(plain(value))
}

const saidElsewhere = new Set([
  'error',
  'items',
  'before',
  'after',
  'weakened',
  'about',
  'since',
  'number',
  'fen',
  'by',
])

function rowsOf(evidence: Fields): Row[] {
  return Object.entries(evidence)
    .filter(([key, value]) => !saidElsewhere.has(key) && value !== null)
    .map(([key, value]) => ({ label: words.keys[key] ?? key, value: valueOf(key, value) }))
}

function watchText(kind: string, value: unknown): string {
  const [threshold, minutes, isOn] = value as [number, number, number]
  const shown = kind === 'large_refund' ? money(threshold) : String(threshold)
  return words.watch(shown, minutes, isOn === 1)
}

function changesOf(evidence: Fields): Change[] {
  const [before, after] = [evidence.before, evidence.after] as [Fields?, Fields?]
  if (!before || !after) return []
  const watches = [before.watches, after.watches] as [Fields, Fields]
  const all: Change[] = [
    {
      label: words.limit,
      before: money(number(before.second_person_over_fen)),
      after: money(number(after.second_person_over_fen)),
    },
    {
      label: words.alipay,
      before: before.is_alipay_offered ? words.yes : words.no,
      after: after.is_alipay_offered ? words.yes : words.no,
    },
    ...Object.keys(watches[1]).map((kind) => ({
      label: texts.settings.kinds[kind as keyof typeof texts.settings.kinds] ?? kind,
      before: watchText(kind, watches[0][kind]),
      after: watchText(kind, watches[1][kind]),
    })),
  ]
  return all.filter((one) => one.before !== one.after)
}

export function shown(one: Case): Shown {
  const evidence = one.evidence as Fields
  const by = plain(evidence.by)
  const names = one.names ?? {}
  return {
    sentences: [
      ...aboutBill(evidence),
      ...aboutAmounts(evidence),
      ...aboutWatch(evidence, names),
      ...(evidence.error ? [words.failed(errorText(plain(evidence.error)))] : []),
      ...(by ? [words.changed(names[by] ?? texts.system)] : []),
    ],
    rows: rowsOf(evidence),
    items: Array.isArray(evidence.items)
      ? (evidence.items as string[]).map((item) => named(item, names))
      : [],
    changes: changesOf(evidence),
  }
}
