// Downloads a file of the API: errors come back as refusals, not as a page of JSON.
import { address } from './address'
import { call } from './client'

export async function download(path: string, query: object): Promise<void> {
  const { blob, name } = await call('GET', address(path, { query }), {}, fileOf)
  const link = document.createElement('a')
  link.href = URL.createObjectURL(blob)
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000)
}

async function fileOf(answer: Response): Promise<{ blob: Blob; name: string }> {
  const said = answer.headers.get('content-disposition') ?? ''
  const encoded = /filename\*=UTF-8''([^;]+)/i.exec(said)?.[1]
  const plain = /filename="?([^";]+)"?/i.exec(said)?.[1]
  const name = encoded ? decodeURIComponent(encoded) : (plain ?? 'export')
  return { blob: await answer.blob(), name }
}
