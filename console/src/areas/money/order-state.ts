// The colours beside the words of what became of orders, payments and cases.
import type { Schemas } from '@/api/client'

export const orderTags: Record<Schemas['OrderState'], string> = {
  created: 'tag-warning',
  paying: 'tag-accent',
  closing: '',
  closed: '',
  paid: 'tag-success',
  paid_late: 'tag-warning',
  refunding: 'tag-accent',
  part_refunded: 'tag-warning',
  refunded: '',
}

export const paymentTags: Record<Schemas['PaymentState'], string> = {
  preparing: 'tag-accent',
  open: 'tag-accent',
  closing: '',
  closed: '',
  captured: 'tag-success',
  disputed: 'tag-danger',
}
