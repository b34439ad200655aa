// The check-in code of an appointment: a picture that the server makes.
import { api } from '../../../../api/client'
import { texts } from '../../../../texts/booking'

Component({
  properties: {
    appointment: { type: String, value: '' },
  },
  data: { t: texts.code, state: 'loading', image: '' },
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
        const { image } = await api.get('/api/v1/appointments/{appointment_id}/check-in-code', { path })
        this.setData({ state: 'ready', image })
      } catch {
        this.setData({ state: 'failed' })
      }
    },
  },
})
