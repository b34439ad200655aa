/** Text to and from the browser's clipboard. */
export async function copy(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text)
  } catch {
    copyBySelection(text)
  }
}

/** For pages served without TLS, where browsers hide the clipboard. */
function copyBySelection(text: string): void {
  const field = document.createElement('textarea')
  field.value = text
  field.className = 'mp-unseen'
  document.body.append(field)
  field.select()
  const copied = document.execCommand('copy')
  field.remove()
  if (!copied) throw new Error('the browser refused to copy')
}
