// What is typed, read as the server reads it.
import { expect, test } from 'vitest'
import { isName, isPhone, mobile } from '../../src/values/typed'
import vectors from '../../../tests/values.json'

test('names are those that documents print', () => {
  for (const name of ['张三', '欧阳娜娜', '阿卜杜拉·买买提', 'Li Na', "O'Brien-Smith", '㐂㐂']) {
    expect(isName(name), name).toBe(true)
  }
  for (const name of ['', '张', '张3', '张三！', '·张三', ' ']) expect(isName(name), name).toBe(false)
})

test.each(vectors.names)('the name $typed is taken as the server takes it', ({ typed, form }) => {
  expect(isName(typed)).toBe(form !== null)
})

test.each(vectors.phones)('the phone $typed is read as the server reads it', ({ typed, form }) => {
  expect(isPhone(typed)).toBe(form !== null)
  if (form !== null) expect(mobile(typed)).toBe(form)
})
