import { mount } from '@vue/test-utils'
import { describe, expect, it } from 'vitest'
import { nextTick } from 'vue'
import HoursFields from '@/areas/schedule/hours-fields.vue'
import { emptyClinic, isComplete } from '@/areas/schedule/template'
import { emptyException, isWhole } from '@/areas/schedule/exception'
import { timeRange } from '@/parts/format'
import { isInOrder, readClock, readEnd } from '@/areas/schedule/hours'

describe('a clock time that is typed', () => {
  it.each([
    ['9:30', '09:30'],
    ['09：30', '09:30'],
    ['9∶30', '09:30'],
    ['0930', '09:30'],
    [' 18点 ', '18:00'],
    ['18时05分', '18:05'],
    ['9', '09:00'],
    ['24:00', '24:00'],
    ['2400', '24:00'],
    ['24', '24:00'],
    ['00:00', '00:00'],
    ['24:01', ''],
    ['25:00', ''],
    ['12:60', ''],
    ['930', ''],
    ['', ''],
    ['晚上', ''],
  ])('%s is %s', (typed, clock) => expect(readClock(typed)).toBe(clock))

  it('ends with its day at midnight', () => {
    expect(['00:00', '0点', '24：00'].map(readEnd)).toEqual(['24:00', '24:00', '24:00'])
  })
})

it('hours are in order within one day only', () => {
  expect(isInOrder('18:00', '24:00')).toBe(true)
  expect(isInOrder('22:00', '02:00')).toBe(false)
  expect(isInOrder('24:00', '24:00')).toBe(false)
  expect(isInOrder('', '12:00')).toBe(false)
  expect(isInOrder('08:00', '')).toBe(false)
})

it('what ends at midnight is shown to end with its day', () => {
  expect(timeRange('2026-11-30T23:30:00+08:00', '2026-12-01T00:00:00+08:00')).toBe('23:30–24:00')
  expect(timeRange('2026-11-29T16:00:00Z', '2026-11-29T16:30:00Z')).toBe('00:00–00:30')
  expect(timeRange('18:00', '24:00')).toBe('18:00–24:00')
  expect(timeRange(null, null)).toBe('—–—')
})

it('a clinic until midnight can be sent, one over midnight cannot', () => {
  const chosen = { doctor_id: 'd', department_id: 'p', campus_id: 'c', room: '301' }
  const change = { ...emptyException('2026-12-01'), kind: 'changed' as const, scope: 'template' as const }
  const about = { ...change, template_id: 't', room: '301', reason: '夜诊' }

  expect(isComplete(emptyClinic({ ...chosen, starts: '18:00', ends: '24:00' }))).toBe(true)
  expect(isComplete(emptyClinic({ ...chosen, starts: '22:00', ends: '02:00' }))).toBe(false)
  expect(isWhole({ ...about, starts: '18:00', ends: '24:00' })).toBe(true)
  expect(isWhole({ ...about, starts: '22:00', ends: '02:00' })).toBe(false)
})

describe('the fields', () => {
  function fields(starts: string, ends: string) {
    const told: Record<string, string> = { starts, ends }
    const made = mount(HoursFields, {
      props: {
        starts,
        ends,
        'onUpdate:starts': (now: string) => set('starts', now),
        'onUpdate:ends': (now: string) => set('ends', now),
      },
    })
    function set(name: string, now: string): void {
      told[name] = now
      void made.setProps({ [name]: now })
    }
    return { made, told }
  }
  async function type(made: ReturnType<typeof fields>['made'], place: number, typed: string) {
    const input = made.findAll('input')[place]!
    await input.setValue(typed)
    await input.trigger('change')
    await nextTick()
  }

  it('show midnight as the end of the day, whatever was typed', async () => {
    const { made, told } = fields('18:00', '20:00')

    await type(made, 1, '0:00')

    expect(told).toEqual({ starts: '18:00', ends: '24:00' })
    expect(made.findAll('input')[1]!.element.value).toBe('24:00')
    expect(made.findAll('.problem')).toEqual([])
  })

  it.each([
    [0, '24:00', '24:00 是一天的结束，只能填在结束时间里'],
    [0, '晚上', '请按 24 小时制填写，例如 18:30'],
    [1, '02:00', '结束要晚于开始；要跨过零点的，请分成两天，前一天到 24:00 为止'],
  ])('say at field %i why %s is none', async (place, typed, why) => {
    const { made } = fields('18:00', '20:00')

    await type(made, place, typed)

    expect(made.findAll('.problem').map((one) => one.text())).toEqual([why])
    expect(made.findAll('input')[place]!.attributes('aria-invalid')).toBe('true')
  })
})
