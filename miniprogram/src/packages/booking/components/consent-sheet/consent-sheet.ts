// The texts a booking still needs an agreement to, to read and to agree to on the spot.
import { serverNow } from '../../../../api/clock'
import { problemOf } from '../../../../parts/loading'
import { texts } from '../../../../texts/booking'
import type { Text } from '../../../../parts/consents'
import { blocks } from '../../../../parts/markdown'
import { agree, missingTexts } from '../../parts/consents'

interface Person {
  id: string
  birth_date: string
}

Component({
  properties: {
    /** the patient it is about; the sheet is open while there is one */
    patient: { type: Object, value: null as unknown as WechatMiniprogram.IAnyObject },
  },
  data: {
    isOpen: false,
    t: texts.consent,
    wanted: [] as Text[],
    shown: [] as object[],
    state: 'loading',
    problem: '',
  },
  observers: {
    patient(patient: Person | null) {
      this.setData({ isOpen: patient !== null })
      if (patient) void this.load()
    },
  },
  methods: {
    async load() {
      this.setData({ state: 'loading', problem: '', shown: [] })
      await this.attempt(async () => {
        const wanted = await missingTexts(this.person(), serverNow())
        const shown = wanted.map(({ kind, title, body }) => ({ kind, title, lines: blocks(body) }))
        this.setData({ wanted, shown, state: 'ready' })
        if (!wanted.length) this.triggerEvent('agreed')
      })
    },
    async onAgree() {
      this.setData({ state: 'sending', problem: '' })
      await this.attempt(async () => {
        await agree(this.data.wanted, this.person())
        this.triggerEvent('agreed')
      })
    },
    onDecline() {
      this.triggerEvent('declined')
    },
    person(): Person {
      return this.data.patient as Person
    },
    async attempt(deed: () => Promise<void>) {
      try {
        await deed()
      } catch (error) {
        this.setData({ state: this.data.wanted.length ? 'ready' : 'failed', problem: problemOf(error).title })
      }
    },
  },
})
