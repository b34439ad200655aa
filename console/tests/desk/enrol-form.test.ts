import { flushPromises, mount } from '@vue/test-utils'
import { afterEach, expect, test, vi } from 'vitest'
import EnrolForm from '@/areas/desk/enrol-form.vue'
import { texts } from '@/texts/desk'
import { json, problem, serve, type Asked } from '../frame/server'

afterEach(() => vi.unstubAllGlobals())

const enrolled = {
  id: 'p1',
  name: '张*',
  document_number: '110***03X',
  birth_date: '1990-03-07',
  sex: 'male',
}

/** The form, filled but for the phone. */
async function filled() {
  const form = mount(EnrolForm, { props: { number: '11010119900307803X' } })
  await form.findAll('input')[1].setValue('张三')
  await form.get('input[type=checkbox]').setValue(true)
  return form
}
async function enrolWith(phone: string, answer: (asked: Asked) => Response) {
  const asked = serve((one) => (one.method === 'GET' ? json({ items: [] }) : answer(one)))
  const form = await filled()
  await form.get('[inputmode=numeric]').setValue(phone)
  await form.get('form').trigger('submit')
  await flushPromises()
  return { form, sent: asked.filter(({ method }) => method === 'POST') }
}

test.each(['1380013800', '12800138000', '138OO138000', '+852 91234567'])(
  'the wrong phone %s is told at its field and nobody is enrolled',
  async (phone) => {
    const { form, sent } = await enrolWith(phone, () => json(enrolled, 201))
    expect(sent).toEqual([])
    expect(form.get('[role=alert]').text()).toBe(texts.phoneWrong)
    expect(form.get('[inputmode=numeric]').attributes('aria-invalid')).toBe('true')
    expect(form.emitted('enrolled')).toBeUndefined()
  },
)

test('a wrong phone is not told while it is being typed', async () => {
  const form = await filled()
  const field = form.get('[inputmode=numeric]')
  await field.setValue('138')
  expect(form.find('[role=alert]').exists()).toBe(false)
  await field.trigger('blur')
  expect(form.get('[role=alert]').text()).toBe(texts.phoneWrong)
  await field.setValue('')
  expect(form.find('[role=alert]').exists()).toBe(false)
})

test.each([
  ['+86 138-0013-8000', '13800138000'],
  ['１３８００１３８０００', '13800138000'],
  ['  ', undefined],
])('the phone "%s" is sent as %s', async (phone, form) => {
  const { sent } = await enrolWith(phone, () => json(enrolled, 201))
  expect(sent).toHaveLength(1)
  expect((sent[0].body as { phone?: string }).phone).toBe(form)
})

test('what the server finds wrong with the phone stands at the field until it is changed', async () => {
  const errors = [{ field: 'body.phone', message: 'the server’s sentence' }]
  const { form } = await enrolWith('13800138000', () => problem('invalid', 422, { errors }))
  expect(form.findAll('[role=alert]')[0].text()).toBe('the server’s sentence')
  await form.get('[inputmode=numeric]').setValue('13800138001')
  expect(form.find('[role=alert]').exists()).toBe(false)
})
