// Answers of the server as tests want them; a test says only what it is about.
import type { Schemas } from '../../src/api/client'

export function makeAppointment(
  overrides: Partial<Schemas['AppointmentPageOut']> = {},
): Schemas['AppointmentPageOut'] {
  return {
    id: 'a1',
    state: 'booked',
    channel: 'online',
    number: 12,
    hold_expires_at: null,
    decide_by: null,
    date: '2026-11-26',
    period: 'morning',
    starts_at: '2026-11-26T01:00:00Z',
    ends_at: '2026-11-26T01:30:00Z',
    slot_id: 's1',
    patient: { id: 'p1', name: '演***甲' },
    hospital: { id: '1', name: '云溪示范医院', phones: ['0000-8800001'] },
    department: { id: 'd1', name: '呼吸内科' },
    doctor: { id: 'w1', name: '林清晏', title: '主任医师' },
    place: { id: 'c1', name: '南院区', address: '康宁路 1 号', phone: '', room: '3诊室', map_point: null },
    fee_fen: 5000,
    order: { id: 'o1', amount_fen: 5000, state: 'paid' },
    allowed: {
      pay: false,
      cancel: true,
      reschedule: true,
      cancel_counts: false,
      cancel_text: '不收费用',
      difference_text: '到窗口领取现金',
    },
    rescheduled_from: null,
    created_at: '2026-11-23T01:00:00Z',
    booked_at: '2026-11-23T01:01:00Z',
    ended_at: null,
    timeline: [],
    bring: [],
    ...overrides,
  }
}

export function makeSession(overrides: Partial<Schemas['SessionView']> = {}): Schemas['SessionView'] {
  return {
    id: 'n1',
    date: '2026-11-26',
    period: 'morning',
    level: 'expert',
    fee_fen: 5000,
    state: 'released',
    release_at: '2026-11-12T23:00:00Z',
    campus: { id: 'c1', name: '南院区' },
    room: '3诊室',
    department: { id: 'd1', name: '呼吸内科' },
    slots: [makeSlot('s1', '09:00'), makeSlot('s2', '09:30'), makeSlot('s3', '10:00')],
    ...overrides,
  }
}

/** A slot of half an hour from a time of 26 November in China. */
export function makeSlot(
  id: string,
  time: string,
  overrides: Partial<Schemas['SlotView']> = {},
): Schemas['SlotView'] {
  const starts = Date.parse(`2026-11-26T${time}:00+08:00`)
  return {
    id,
    starts_at: new Date(starts).toISOString(),
    ends_at: new Date(starts + 30 * 60_000).toISOString(),
    capacity: 3,
    free: 2,
    bookable: true,
    reason: null,
    ...overrides,
  }
}

export function makePatient(overrides: Partial<Schemas['PatientOut']> = {}): Schemas['PatientOut'] {
  return {
    id: 'p1',
    name: '演示患者甲',
    document_type: 'resident_id',
    document_number: '119***********1029',
    phone: '154****0001',
    relation: 'self',
    birth_date: '1988-04-12',
    sex: 'female',
    verified: true,
    guardian_patient_id: null,
    created_at: '2026-11-23T01:00:00Z',
    ...overrides,
  }
}
