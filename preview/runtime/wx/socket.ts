/** wx.connectSocket over the browser's WebSocket. */
import { Failure, fail, news, succeed, type Callbacks } from '../answer'

type ConnectOption = WechatMiniprogram.ConnectSocketOption & Callbacks

function sender(socket: WebSocket) {
  return (options: { data: string | ArrayBuffer } & Callbacks) => {
    if (socket.readyState !== WebSocket.OPEN) {
      fail(options, 'sendSocketMessage', new Failure('SocketTask.readyState is not OPEN'))
      return
    }
    socket.send(options.data)
    succeed(options, { errMsg: 'sendSocketMessage:ok' })
  }
}

export function connectSocket(options: ConnectOption) {
  const socket = new WebSocket(options.url, options.protocols)
  const open = news<{ header: object }>()
  const message = news<{ data: string | ArrayBuffer }>()
  const closed = news<{ code: number; reason: string }>()
  const failed = news<{ errMsg: string }>()
  // a browser sends no headers of its own with a WebSocket
  if (options.header && Object.keys(options.header).length)
    console.warn('connectSocket: a browser cannot send header')
  socket.binaryType = 'arraybuffer'
  socket.onopen = () => open.tell({ header: {} })
  socket.onmessage = (e: MessageEvent<string | ArrayBuffer>) => message.tell({ data: e.data })
  socket.onclose = ({ code, reason }) => closed.tell({ code, reason })
  socket.onerror = () => failed.tell({ errMsg: 'connectSocket:fail' })
  queueMicrotask(() => succeed(options, { errMsg: 'connectSocket:ok' }))
  return {
    send: sender(socket),
    close(close: { code?: number; reason?: string } & Callbacks = {}) {
      socket.close(close.code ?? 1000, close.reason)
      succeed(close, { errMsg: 'closeSocket:ok' })
    },
    onOpen: open.on,
    onMessage: message.on,
    onClose: closed.on,
    onError: failed.on,
    get readyState() {
      return socket.readyState
    },
  }
}
