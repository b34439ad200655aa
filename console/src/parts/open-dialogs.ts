// The dialogs that are open, the newest last: what must be seen and heard above them goes into the newest.
import { shallowRef } from 'vue'

export const openDialogs = shallowRef<HTMLDialogElement[]>([])

export function noteOpened(dialog: HTMLDialogElement): void {
  openDialogs.value = [...openDialogs.value, dialog]
}

export function noteClosed(dialog: HTMLDialogElement): void {
  openDialogs.value = openDialogs.value.filter((one) => one !== dialog)
}
