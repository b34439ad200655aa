/** Files that a program writes for itself, in memory, and handing one over: WeChat's sheet of chats is a download here. */
import { Failure, api, require } from '../answer'

const written = new Map<string, string>()

const files = {
  writeFileSync(path: string, data: string): void {
    written.set(path, data)
  },
  readFileSync(path: string): string {
    const found = written.get(path)
    if (found === undefined) throw new Failure(`no such file or directory ${path}`)
    return found
  },
  unlink: api('unlink', (options: { filePath: string }) => {
    require(options, { filePath: 'string' })
    written.delete(options.filePath)
  }),
}

export const getFileSystemManager = () => files

export const shareFileMessage = api(
  'shareFileMessage',
  (options: { filePath: string; fileName?: string }) => {
    require(options, { filePath: 'string' })
    const link = document.createElement('a')
    link.href = URL.createObjectURL(new Blob([files.readFileSync(options.filePath)]))
    link.download = options.fileName ?? options.filePath.split('/').pop() ?? ''
    link.click()
    URL.revokeObjectURL(link.href)
  },
)
