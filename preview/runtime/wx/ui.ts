/** wx.showToast, showLoading, showModal and showActionSheet. */
import { Failure, api, require } from '../answer'
import { button, chooseFrom, h, openDialog } from '../overlay'
import { hideToast as hide, showLoading as loading, showToast as toast, type ToastOptions } from '../toast'

type ModalOption = Omit<WechatMiniprogram.ShowModalOption, 'success' | 'fail' | 'complete'>
type SheetOption = Omit<WechatMiniprogram.ShowActionSheetOption, 'success' | 'fail' | 'complete'>

const MAX_DEEDS = 6

export const showToast = api('showToast', (options: ToastOptions) => {
  require(options, { title: 'string' })
  toast(options)
})
export const showLoading = api('showLoading', (options: ToastOptions) => loading(options))
export const hideToast = api('hideToast', () => hide())
export const hideLoading = api('hideLoading', () => hide())

function modalBody(options: ModalOption): { parts: HTMLElement[]; field?: HTMLTextAreaElement } {
  const parts: HTMLElement[] = []
  if (options.title) parts.push(h('h2', { class: 'mp-modal-title' }, options.title))
  if (!options.editable) {
    if (options.content) parts.push(h('p', { class: 'mp-modal-text' }, options.content))
    return { parts }
  }
  const label = options.placeholderText ?? options.title ?? ''
  const field = h('textarea', {
    class: 'mp-modal-field',
    placeholder: options.placeholderText,
    'aria-label': label,
    'data-first': '',
  }) as HTMLTextAreaElement
  field.value = options.content ?? ''
  parts.push(field)
  return { parts, field }
}

function modalDeeds(options: ModalOption, end: (confirm: boolean) => void): HTMLElement {
  const { confirmText = '确定', cancelText = '取消', confirmColor = '', cancelColor = '' } = options
  const confirm = button(confirmText, 'mp-modal-confirm', () => end(true))
  const cancel = button(cancelText, '', () => end(false))
  confirm.style.color = confirmColor
  cancel.style.color = cancelColor
  return h(
    'div',
    { class: 'mp-modal-deeds' },
    ...(options.showCancel === false ? [confirm] : [cancel, confirm]),
  )
}

export const showModal = api(
  'showModal',
  (options: ModalOption) =>
    new Promise<{ confirm: boolean; cancel: boolean; content: string | null }>((resolve) => {
      const { parts, field } = modalBody(options)
      const end = (confirm: boolean) => {
        close()
        resolve({ confirm, cancel: !confirm, content: confirm && field ? field.value : null })
      }
      const label = options.title || options.content || '提示'
      const box = h('div', { 'aria-label': label }, ...parts, modalDeeds(options, end))
      const close = openDialog(box, () => end(false), 'mp-modal')
    }),
)

export const showActionSheet = api('showActionSheet', async (options: SheetOption) => {
  if (!options.itemList?.length || options.itemList.length > MAX_DEEDS) {
    throw new Failure('parameter error: itemList should not be empty or large than 6')
  }
  const color = options.itemColor
  const tapIndex = await chooseFrom(
    options.itemList.map((text) => ({ text, color })),
    { title: options.alertText },
  )
  if (tapIndex === undefined) throw new Failure('cancel')
  return { tapIndex }
})
