// A doctor in a list: name, title, what they treat, and how the day stands.
Component({
  options: { multipleSlots: false },
  properties: {
    name: { type: String, value: '' },
    title: { type: String, value: '' },
    skills: { type: String, value: '' },
    word: { type: String, value: '' },
    tone: { type: String, value: 'none' },
    fee: { type: String, value: '' },
  },
  methods: {
    onCard() {
      this.triggerEvent('open')
    },
  },
})
