// One request over wx.request: an answer of any status, or Offline.
import { apiBase } from '../config'
import { learn } from './clock'
import { Offline } from './refusal'

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
export interface Answer {
  status: number
  data: unknown
  /** A header by its lower-case name. */
  header: (name: string) => string | undefined
}

const timeout = 15_000

/** Who wants to know whether the server answers, as the offline banner does. */
const listeners = new Set<(answered: boolean) => void>()
export function onReach(listener: (answered: boolean) => void): void {
  listeners.add(listener)
}

export function send(
  method: Method,
  url: string,
  header: Record<string, string>,
  body?: unknown,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sentAt = Date.now()
    wx.request({
      url: apiBase() + url,
      method: method === 'PATCH' ? 'POST' : method,
      header: {
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        // wx.request cannot PATCH; the server takes it from a POST that says so.
        ...(method === 'PATCH' ? { 'x-http-method-override': 'PATCH' } : {}),
        ...header,
      },
      data: body as WechatMiniprogram.IAnyObject,
      timeout,
      success: ({ statusCode, data, header: answered }) => {
        const headers = new Map(
          Object.entries(answered).map(([key, value]) => [key.toLowerCase(), String(value)]),
        )
        learn(headers.get('date'), sentAt, Date.now())
        listeners.forEach((listener) => listener(true))
        resolve({ status: statusCode, data, header: (name) => headers.get(name) })
      },
      fail: ({ errMsg }) => {
        listeners.forEach((listener) => listener(false))
        reject(new Offline(errMsg))
      },
    })
  })
}
