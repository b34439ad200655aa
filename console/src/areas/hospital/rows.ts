// The rows that are edited here, as a form holds them and as the server takes them.
import { Refusal, type Schemas } from '@/api/client'
import { texts } from '@/texts/hospital'
import { faultOf, type Typed } from './geo'

export type Hospital = Required<Schemas['HospitalSeen']>
export type Campus = Required<Schemas['CampusSeen']>
export type Department = Required<Schemas['DepartmentSeen']>
export type Doctor = Required<Schemas['DoctorSeen']>
export type Level = Schemas['DoctorLevel']
export const levels: Level[] = ['general', 'expert', 'special']

/** Numbers that may be empty or half typed are texts in a form, lists of words are its lines. */
export type HospitalDraft = Omit<Hospital, keyof Typed> & Typed
export type CampusDraft = Omit<Campus, keyof Typed> & Typed
export type DepartmentDraft = Omit<Department, 'diseases' | 'min_age_years' | 'max_age_years'> & {
  diseases: string
  min_age_years: string
  max_age_years: string
}
export type DoctorDraft = Omit<Doctor, 'diseases'> & { diseases: string }

/** The server answers every member of a row; only what is sent may be left out. */
export function whole<T extends object>(row: T): Required<T> {
  return row as Required<T>
}

/** Something that is wrong before it is sent, told as the server would. */
export function faulty(sentence: string): Refusal {
  return new Refusal('invalid', sentence, 422, null, {})
}

/** Lines, or words between semicolons and enumeration commas, of full width too. */
export function wordsOf(lines: string): string[] {
  return lines
    .split(/[\n;\uff1b\u3001]/)
    .map((word) => word.trim())
    .filter(Boolean)
}

const filled = (lines: readonly string[]) => lines.filter((line) => line.trim() !== '')
const textOf = (value: number | null) => (value === null ? '' : String(value))
const pointIn = (row: { latitude: number | null; longitude: number | null }): Typed => ({
  latitude: textOf(row.latitude),
  longitude: textOf(row.longitude),
})

function pointOut(typed: Typed): { latitude: number | null; longitude: number | null } {
  const fault = faultOf(typed)
  if (fault) throw faulty(texts.pointFaults[fault])
  const isEmpty = typed.latitude.trim() === ''
  return {
    latitude: isEmpty ? null : Number(typed.latitude),
    longitude: isEmpty ? null : Number(typed.longitude),
  }
}

export function hospitalDraft(row: Hospital): HospitalDraft {
  return { ...row, ...pointIn(row) }
}
export function hospitalBody({ id: _, ...draft }: HospitalDraft): Schemas['HospitalEdit'] {
  return { ...draft, ...pointOut(draft), phones: filled(draft.phones), notices: filled(draft.notices) }
}

export function campusDraft(row: Campus): CampusDraft {
  return { ...row, ...pointIn(row) }
}
export function campusBody({ id: _, ...draft }: CampusDraft): Schemas['CampusEdit'] {
  return { ...draft, ...pointOut(draft) }
}
export const newCampus: Campus = {
  id: '',
  version: 0,
  code: '',
  name: '',
  address: '',
  phone: '',
  latitude: null,
  longitude: null,
  is_active: true,
}

const youngest = 0
const oldest = 200

function ageOf(typed: string, otherwise: number): number {
  return typed === '' ? otherwise : Number(typed)
}

export function departmentDraft(row: Department): DepartmentDraft {
  return {
    ...row,
    diseases: row.diseases.join('\n'),
    min_age_years: String(row.min_age_years),
    max_age_years: String(row.max_age_years),
  }
}
export function departmentBody({ id: _, ...draft }: DepartmentDraft): Schemas['DepartmentEdit'] {
  const min_age_years = ageOf(draft.min_age_years, youngest)
  const max_age_years = ageOf(draft.max_age_years, oldest)
  if (min_age_years > max_age_years) throw faulty(texts.agesFault)
  return { ...draft, diseases: wordsOf(draft.diseases), min_age_years, max_age_years }
}
export const newDepartment: Department = {
  id: '',
  version: 0,
  code: '',
  name: '',
  parent_code: null,
  campus_code: null,
  national_code: null,
  intro: '',
  place: '',
  diseases: [],
  sex_limit: null,
  min_age_years: youngest,
  max_age_years: oldest,
  position: 0,
  is_active: true,
}

export function doctorDraft(row: Doctor): DoctorDraft {
  return { ...row, diseases: row.diseases.join('\n') }
}
export function doctorBody({ id: _, ...draft }: DoctorDraft): Schemas['DoctorEdit'] {
  return { ...draft, diseases: wordsOf(draft.diseases) }
}
export const newDoctor: Doctor = {
  id: '',
  version: 0,
  code: '',
  name: '',
  title: '',
  level: 'general',
  department_codes: [],
  skills: '',
  diseases: [],
  intro: '',
  photo_id: null,
  is_active: true,
}

/** A row that is not there yet is sent without a version. */
export function added<T extends { version: number }>({ version: _, ...row }: T): Omit<T, 'version'> {
  return row
}

/** Whom a department takes: "仅女，14 岁及以上"; empty when everybody. */
export function limitText(row: Pick<Department, 'sex_limit' | 'min_age_years' | 'max_age_years'>): string {
  const isAnyAge = row.min_age_years === youngest && row.max_age_years === oldest
  return texts.limitText(
    row.sex_limit ? texts.only(texts.limits[row.sex_limit]) : '',
    isAnyAge ? '' : texts.ageRange(row.min_age_years, row.max_age_years),
  )
}
