/** Pictures: choosing, looking at, measuring and keeping them. */
import { Failure, api } from '../answer'
import { button, h, openDialog } from '../overlay'
import { program } from '../program'
import { needPrivacy } from './privacy'

interface ChooseOption {
  count?: number
  mediaType?: ('image' | 'video' | 'mix')[]
  sourceType?: ('album' | 'camera')[]
}

function accepted(types: string[] = ['image']): string {
  if (types.includes('mix')) return 'image/*,video/*'
  return types.map((type) => `${type}/*`).join(',')
}

function pick({ count = 9, mediaType, sourceType = ['album', 'camera'] }: ChooseOption): Promise<File[]> {
  return new Promise((resolve, reject) => {
    const field = document.createElement('input')
    field.type = 'file'
    field.accept = accepted(mediaType)
    field.multiple = count > 1
    // a phone then opens its camera at once
    if (!sourceType.includes('album')) field.setAttribute('capture', 'environment')
    field.onchange = () => resolve(Array.from(field.files ?? []).slice(0, count))
    field.oncancel = () => reject(new Failure('cancel'))
    field.click()
  })
}

export const chooseMedia = api('chooseMedia', async (options: ChooseOption) => {
  await needPrivacy('chooseMedia')
  const files = await pick(options)
  const tempFiles = files.map((file) => {
    const fileType = file.type.startsWith('video/') ? ('video' as const) : ('image' as const)
    return { tempFilePath: URL.createObjectURL(file), size: file.size, fileType }
  })
  return { type: tempFiles[0]?.fileType ?? 'image', tempFiles }
})

export const chooseImage = api('chooseImage', async (options: ChooseOption) => {
  await needPrivacy('chooseImage')
  const files = await pick({ ...options, mediaType: ['image'] })
  const tempFiles = files.map((file) => ({ path: URL.createObjectURL(file), size: file.size }))
  return { tempFiles, tempFilePaths: tempFiles.map((file) => file.path) }
})

export const getImageInfo = api('getImageInfo', async ({ src }: { src: string }) => {
  const image = new Image()
  image.src = program.asset(src)
  await image.decode().catch(() => {
    throw new Failure('image not found')
  })
  return {
    width: image.naturalWidth,
    height: image.naturalHeight,
    path: src,
    orientation: 'up',
    type: src.split('.').pop() ?? '',
  }
})

/** One picture at a time; the arrows of the keyboard, or a tap on its halves, turn the leaf. */
export const previewImage = api('previewImage', ({ urls, current }: { urls: string[]; current?: string }) => {
  if (!urls?.length) throw new Failure('parameter error: urls is empty')
  let at = Math.max(0, urls.indexOf(current ?? urls[0]))
  const image = h('img', { alt: '' })
  const count = h('p', { class: 'mp-preview-count', role: 'status' })
  const turn = (step: number) => {
    at = (at + step + urls.length) % urls.length
    image.setAttribute('src', program.asset(urls[at]))
    count.textContent = `${at + 1} / ${urls.length}`
  }
  const end = () => close()
  const box = h('div', { 'aria-label': '图片' }, image, count, button('关闭', 'mp-preview-close', end))
  const close = openDialog(box, end, 'mp-preview')
  box.addEventListener(
    'keydown',
    ({ key }) => (key === 'ArrowLeft' || key === 'ArrowRight') && turn(key === 'ArrowLeft' ? -1 : 1),
  )
  image.addEventListener('click', (e) => turn(e.offsetX < image.clientWidth / 2 ? -1 : 1))
  turn(0)
})

function download(name: 'saveImageToPhotosAlbum', fallback: string) {
  return api(name, ({ filePath }: { filePath: string }) => {
    h('a', { href: program.asset(filePath), download: fallback }).click()
  })
}

/** A browser keeps pictures among its downloads. */
export const saveImageToPhotosAlbum = download('saveImageToPhotosAlbum', 'image')
