import { describe, expect, it } from 'vitest'
import type { Schemas } from '@/api/client'
import { savedText } from '@/areas/schedule/template'
import { texts } from '@/texts/schedule'

const day = (title: string | null) =>
  ({ refused: title && { code: 'doctor-inactive', title, session_id: null } }) as Schemas['PreviewedDayOut']
const saved = (...days: Schemas['PreviewedDayOut'][]) =>
  savedText({ not_made: days } as Schemas['TemplateSaved'])

describe('what is said once a template is saved', () => {
  it('is plain when every day has its session', () => {
    expect(saved()).toBe(texts.templateSaved)
  })

  it('tells on how many days it gives none, and why on the first', () => {
    expect(saved(day('张医生已经停止出诊，请换一位医生'), day('x'))).toBe(
      '模板已保存，但近期有 2 天排不了：张医生已经停止出诊，请换一位医生',
    )
  })
})
