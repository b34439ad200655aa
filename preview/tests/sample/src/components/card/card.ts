Component({
  options: { multipleSlots: true },
  externalClasses: ['title-class'],
  properties: { title: String },
})
