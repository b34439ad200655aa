import { expect, test } from 'vitest'
import { doctorsOf, type Department, type Doctor } from '@/areas/bookings/doctors'
import { cancelCosts, isReason, type File } from '@/areas/bookings/file'
import { asked, isAppointmentId, isVisitNumber, toneOf } from '@/areas/bookings/search'

const id = '01a206da-5fa5-87b4-8000-007cd6d8c867'

test('an appointment is asked for by its id whatever days are chosen', () => {
  expect(asked({ q: ` ${id} `, from: '2026-11-26', to: '' })).toEqual({ number: id })
  expect(isAppointmentId(id.toUpperCase())).toBe(true)
  expect(isAppointmentId(id.slice(1))).toBe(false)
})

test('the number of a visit is asked for on one day', () => {
  expect(asked({ q: '12', from: '2026-11-26', to: '2026-11-30' })).toEqual({
    number: '12',
    date: '2026-11-26',
  })
  expect(asked({ q: '12' })).toEqual({ number: '12' })
})

test('phones, documents and names never get into an address', () => {
  for (const typed of ['13812348000', '11010119900307803X', '王小明']) {
    expect(isVisitNumber(typed)).toBe(false)
    expect(asked({ q: typed, from: '2026-11-26' })).toEqual({ from: '2026-11-26' })
  }
})

test('every state has its colour and the words say the same', () => {
  expect([toneOf('booked'), toneOf('expired')]).toEqual(['tag tag-success', 'tag'])
})

test('doctors follow the department that is chosen', () => {
  const departments = [{ id: 'a', code: 'NK' }] as Department[]
  const doctors = [{ id: '1', department_codes: ['NK'] }, { id: '2' }] as Doctor[]
  expect(doctorsOf(doctors, departments, 'a').map((one) => one.id)).toEqual(['1'])
  expect(doctorsOf(doctors, departments, '')).toHaveLength(2)
})

test('only the reasons that are possible are offered, each with its cost', () => {
  const file = {
    deeds: [
      { name: 'cancel_patient', is_allowed: true, text: '记一次' },
      { name: 'cancel_excused', is_allowed: false, text: '' },
      { name: 'cancel_hospital', is_allowed: true, text: '不计' },
    ],
  } as File
  expect(cancelCosts(file)).toEqual([
    { reason: 'patient', text: '记一次' },
    { reason: 'hospital', text: '不计' },
  ])
})

test('a reason is neither a word nor a story', () => {
  expect([isReason('  急诊 '), isReason('当天住院'), isReason('长'.repeat(201))]).toEqual([
    false,
    true,
    false,
  ])
})
