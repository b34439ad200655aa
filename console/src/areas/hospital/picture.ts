// Pictures: where they are shown, what may be uploaded, and the upload.
import { api } from '@/api/client'
import { texts } from '@/texts/hospital'
import { faulty } from './rows'

const mostBytes = 10 * 1024 * 1024
const kinds = ['image/jpeg', 'image/png', 'image/webp']
export const accepted = kinds.join(',')

export function pictureAddress(id: string): string {
  return `/api/v1/pictures/${id}`
}

/** Why the server would refuse a file, before minutes are spent on sending it. */
export function fileFault({ size, type }: Pick<File, 'size' | 'type'>): string {
  if (!kinds.includes(type)) return texts.pictureWrongKind
  return size > mostBytes ? texts.pictureTooBig : ''
}

/** Answers the id of the picture that the server made of the file. */
export async function upload(hospitalId: string, file: File): Promise<string> {
  const fault = fileFault(file)
  if (fault) throw faulty(fault)
  const made = await api.post('/api/v1/staff/hospitals/{hospital_id}/pictures', {
    path: { hospital_id: hospitalId },
    body: file,
  })
  return made.id
}
