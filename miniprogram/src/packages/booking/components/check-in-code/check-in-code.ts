// The check-in code of an appointment: a picture that the server makes, and the same in letters.
import { api } from '../../../../api/client'
import { texts } from '../../../../texts/booking'

Component({
  properties: {
    appointment: { type: String, value: '' },
  },
  data: { t: texts.code, state: 'loading', code: '', image: '', label: '' },
  observers: {
    appointment(id: string) {
      if (id) void this.load()
    },
  },
  methods: {
    async load() {
      this.setData({ state: 'loading' })
      try {
        const path = { appointment_id: this.data.appointment }
        const { code, image } = await api.get('/api/v1/appointments/{appointment_id}/check-in-code', { path })
        this.setData({ state: 'ready', code, image, label: texts.code.label(code) })
      } catch {
        this.setData({ state: 'failed' })
      }
    },
  },
})
