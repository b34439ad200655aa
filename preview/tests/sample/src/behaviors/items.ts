/** Pages that show the list: the items as they are stored, read anew whenever the page is shown. */
import { load, save, total, type Item } from '../model/list'

export const items = Behavior({
  data: { items: [] as Item[], total_fen: 0 },
  pageLifetimes: {
    show() {
      this.show(load())
    },
  },
  methods: {
    show(items: Item[]) {
      this.setData({ items, total_fen: total(items) })
    },
    keep(items: Item[]) {
      save(items)
      this.show(items)
    },
  },
})
