// Sheets of the sandbox: small dialogs that say on their face that nobody is charged and no number leaves the demo.
import { button, h, openDialog } from 'miniprogram-preview/runtime/overlay'

/** A sheet in the making: what it shows, and how it ends. */
export interface Sheet<T> {
  /** Ends it with an answer. */
  done: (answer: T) => void
  /** Ends it as a person does who closes it. */
  cancel: () => void
  /** Says what went wrong; the sheet stays open. */
  say: (words: string) => void
}

const style = `
.sandbox { align-self: end; justify-self: center; box-sizing: border-box; width: 100%; max-width: 480px; max-height: 90%;
  overflow-y: auto; padding: 20px 20px 24px; border-radius: 12px 12px 0 0; background: #fff; color: #1f2933;
  font-size: 17px; line-height: 1.5; text-align: center; outline: none; }
.sandbox-mask { position: fixed; inset: 0; z-index: 1000; display: grid; background: rgb(0 0 0 / 55%); }
.sandbox h2 { margin: 0; font-size: 17px; }
.sandbox-mark { display: inline-block; margin-left: 8px; padding: 0 8px; border-radius: 4px; background: #f8f1e6;
  color: #8a5100; font-size: 13px; font-weight: 400; }
.sandbox p { margin: 8px 0; color: #52606d; font-size: 15px; }
.sandbox-amount { margin: 12px 0; color: #1f2933; font-size: 34px; font-weight: 600; }
.sandbox input { box-sizing: border-box; width: 100%; min-height: 48px; margin: 8px 0; padding: 0 12px;
  border: 1px solid #829ab1; border-radius: 6px; color: inherit; font: inherit; text-align: center; }
.sandbox [role='alert']:not(:empty) { color: #b92f26; font-weight: 500; }
.sandbox button { display: block; box-sizing: border-box; width: 100%; min-height: 48px; margin-top: 10px;
  border: 1px solid #e4e7eb; border-radius: 6px; background: #fff; color: #1f2933; font: inherit; cursor: pointer; }
.sandbox button.sandbox-first { border-color: #07803f; background: #07803f; color: #fff; }
.sandbox button:disabled { opacity: 0.6; }
`

/** Shows a sheet; `fill` gives its content. Rejects with `cancelled` when it is closed without an answer. */
export function show<T>(title: string, cancelled: Error, fill: (sheet: Sheet<T>) => Node[]): Promise<T> {
  return new Promise((resolve, reject) => {
    const alert = h('p', { role: 'alert' })
    const sheet: Sheet<T> = {
      done: (answer) => {
        close()
        resolve(answer)
      },
      cancel: () => {
        close()
        reject(cancelled)
      },
      say: (words) => {
        alert.textContent = words
      },
    }
    const heading = h('h2', {}, title, h('span', { class: 'sandbox-mark' }, '沙箱'))
    const box = h(
      'div',
      { 'aria-label': `${title}（沙箱）` },
      h('style', {}, style),
      heading,
      ...fill(sheet),
      alert,
    )
    box.append(button('取消', '', sheet.cancel))
    const close = openDialog(box, sheet.cancel, 'sandbox')
  })
}

/** A button that does something with the sandbox; while it does, it cannot be pressed again. */
export function deed(
  text: string,
  className: string,
  sheet: Sheet<never>,
  act: () => Promise<void>,
): HTMLElement {
  const element = button(text, className, () => {
    element.setAttribute('disabled', '')
    sheet.say('')
    void act()
      .catch((error: unknown) => sheet.say(error instanceof Error ? error.message : String(error)))
      .finally(() => element.removeAttribute('disabled'))
  })
  return element
}
