/** wx.request, wx.downloadFile and wx.uploadFile over the browser's fetch and XMLHttpRequest. */
import { sentAhead } from '../ahead'
import { Failure, fail, news, succeed, type Callbacks } from '../answer'
import { program } from '../program'

type RequestOption = WechatMiniprogram.RequestOption & Callbacks
type UploadOption = WechatMiniprogram.UploadFileOption & Callbacks
type DownloadOption = WechatMiniprogram.DownloadFileOption & Callbacks
type Headers = Record<string, string>

const DEFAULT_MS = 60_000
const ERRNO_TIMEOUT = 5
const ERRNO_NETWORK = 600001

function timeoutOf(kind: 'request' | 'uploadFile' | 'downloadFile', given?: number): number {
  return given ?? program.config.networkTimeout?.[kind] ?? DEFAULT_MS
}

/** Servers write header names in many ways and fetch lowers them; they come back as WeChat's examples show them (Date, Retry-After). */
function headerOf(headers: Iterable<[string, string]>): Headers {
  return Object.fromEntries(
    Array.from(headers, ([name, value]) => [
      name.replace(/\b[a-z]/g, (letter) => letter.toUpperCase()),
      value,
    ]),
  )
}

function isBinary(data: unknown): data is ArrayBuffer | ArrayBufferView<ArrayBuffer> {
  return data instanceof ArrayBuffer || ArrayBuffer.isView(data)
}

function encode(data: object): string {
  return Object.entries(data)
    .map(
      ([name, value]) =>
        `${encodeURIComponent(name)}=${encodeURIComponent(typeof value === 'object' ? JSON.stringify(value) : String(value))}`,
    )
    .join('&')
}

function contentType(header: Headers): string {
  const name = Object.keys(header).find((key) => key.toLowerCase() === 'content-type')
  return name ? header[name] : ''
}

function bodyOf(data: object | string | ArrayBuffer, type: string): BodyInit {
  if (typeof data === 'string' || isBinary(data)) return data
  return type.includes('x-www-form-urlencoded') ? encode(data) : JSON.stringify(data)
}

function withQuery(url: string, data: unknown): string {
  const query = data !== null && typeof data === 'object' && !isBinary(data) ? encode(data) : ''
  return query ? `${url}${url.includes('?') ? '&' : '?'}${query}` : url
}

/** Data goes into the address of a GET, and into the body of anything else by its content type. */
function prepare({ url, data, method: given = 'GET', header: headers, enableCache }: RequestOption): {
  url: string
  init: RequestInit
} {
  const method = given.toUpperCase()
  const header: Headers = { ...(headers as Headers | undefined) }
  const type = contentType(header)
  if (!type) header['content-type'] = 'application/json'
  const init: RequestInit = {
    method,
    headers: header,
    credentials: 'omit',
    cache: enableCache ? 'default' : 'no-store',
  }
  if (method === 'GET') return { url: withQuery(url, data), init }
  if (data !== undefined && data !== null) init.body = bodyOf(data, type)
  return { url, init }
}

async function read(response: Response, options: RequestOption): Promise<unknown> {
  if (options.responseType === 'arraybuffer') return response.arrayBuffer()
  const text = await response.text()
  if (options.dataType !== undefined && options.dataType !== 'json') return text
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

/** What WeChat says when there is no answer. */
function networkFailure(): Failure {
  const reason = navigator.onLine ? 'net::ERR_CONNECTION_FAILED' : 'net::ERR_INTERNET_DISCONNECTED'
  return new Failure(reason, { errno: ERRNO_NETWORK })
}

function ended(reason: 'abort' | 'timeout'): Failure {
  return reason === 'abort'
    ? new Failure('abort', { errno: 0 })
    : new Failure('timeout', { errno: ERRNO_TIMEOUT })
}

/** Aborts work when asked or when time is up, and knows afterwards which of the two it was. */
function stopper(ms: number) {
  const controller = new AbortController()
  let reason: 'abort' | 'timeout' = 'abort'
  const timer = setTimeout(() => {
    reason = 'timeout'
    controller.abort()
  }, ms)
  return {
    signal: controller.signal,
    abort: () => controller.abort(),
    clear: () => clearTimeout(timer),
    failure: () => (controller.signal.aborted ? ended(reason) : networkFailure()),
  }
}

async function answer(
  options: RequestOption,
  signal: AbortSignal,
  headers: (value: { header: Headers }) => void,
) {
  const { url, init } = prepare(options)
  const response = await (sentAhead(url, init, signal) ?? fetch(url, { ...init, signal }))
  const header = headerOf(response.headers)
  headers({ header })
  return {
    errMsg: 'request:ok',
    statusCode: response.status,
    header,
    data: await read(response, options),
    cookies: [],
  }
}

export function request(options: RequestOption) {
  const stop = stopper(timeoutOf('request', options.timeout))
  const headers = news<{ header: Headers }>()
  // the answer may not come before the caller has the task
  Promise.resolve()
    .then(() => answer(options, stop.signal, headers.tell))
    .then(
      (result) => succeed(options, result),
      () => fail(options, 'request', stop.failure()),
    )
    .finally(stop.clear)
  return {
    abort: stop.abort,
    onHeadersReceived: headers.on,
    offHeadersReceived: headers.off,
    onChunkReceived() {},
    offChunkReceived() {},
  }
}

export function downloadFile(options: DownloadOption) {
  const stop = stopper(timeoutOf('downloadFile', options.timeout))
  const headers = news<{ header: Headers }>()
  const progress = news<{ progress: number; totalBytesWritten: number; totalBytesExpectedToWrite: number }>()
  fetch(options.url, { headers: options.header as Headers, credentials: 'omit', signal: stop.signal })
    .then(async (response) => {
      headers.tell({ header: headerOf(response.headers) })
      const blob = await response.blob()
      progress.tell({ progress: 100, totalBytesWritten: blob.size, totalBytesExpectedToWrite: blob.size })
      return {
        errMsg: 'downloadFile:ok',
        statusCode: response.status,
        tempFilePath: URL.createObjectURL(blob),
      }
    })
    .then(
      (result) => succeed(options, result),
      () => fail(options, 'downloadFile', stop.failure()),
    )
    .finally(stop.clear)
  return {
    abort: stop.abort,
    onHeadersReceived: headers.on,
    offHeadersReceived: headers.off,
    onProgressUpdate: progress.on,
    offProgressUpdate: progress.off,
  }
}

async function form(options: UploadOption): Promise<FormData> {
  const file = await fetch(options.filePath).then((response) => response.blob())
  const body = new FormData()
  for (const [name, value] of Object.entries(options.formData ?? {})) body.append(name, String(value))
  body.append(options.name, file, `upload.${file.type.split('/')[1] ?? 'bin'}`)
  return body
}

function send(
  call: XMLHttpRequest,
  options: UploadOption,
  body: FormData,
): Promise<{ statusCode: number; data: string }> {
  return new Promise((resolve, reject) => {
    call.open('POST', options.url)
    for (const [name, value] of Object.entries(options.header ?? {})) {
      // the browser writes the boundary itself
      if (name.toLowerCase() !== 'content-type') call.setRequestHeader(name, String(value))
    }
    call.timeout = timeoutOf('uploadFile', options.timeout)
    call.onload = () => resolve({ statusCode: call.status, data: call.responseText })
    call.onerror = () => reject(networkFailure())
    call.ontimeout = () => reject(ended('timeout'))
    call.onabort = () => reject(ended('abort'))
    call.send(body)
  })
}

export function uploadFile(options: UploadOption) {
  const call = new XMLHttpRequest()
  const progress = news<{ progress: number; totalBytesSent: number; totalBytesExpectedToSend: number }>()
  let aborted = false
  call.upload.onprogress = ({ loaded, total }) =>
    progress.tell({
      progress: Math.round((loaded / total) * 100),
      totalBytesSent: loaded,
      totalBytesExpectedToSend: total,
    })
  form(options)
    .then((body) => (aborted ? Promise.reject(ended('abort')) : send(call, options, body)))
    .then(
      (result) => succeed(options, { errMsg: 'uploadFile:ok', ...result }),
      (error: unknown) => fail(options, 'uploadFile', error),
    )
  return {
    abort() {
      aborted = true
      call.abort()
    },
    onProgressUpdate: progress.on,
    offProgressUpdate: progress.off,
    onHeadersReceived() {},
    offHeadersReceived() {},
  }
}
