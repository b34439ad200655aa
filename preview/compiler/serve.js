/** A static server for the output, for development: files below one folder, on this machine only. */
import fs from 'node:fs'
import http from 'node:http'
import path from 'node:path'

/** @type {Record<string, string>} */
const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.map': 'application/json',
  '.txt': 'text/plain; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.woff': 'font/woff',
  '.woff2': 'font/woff2',
}

/** What a production server should send as well: scripts of the same origin only, no eval, none inline. */
const POLICY = "script-src 'self'; object-src 'none'; base-uri 'self'"

/** @param {string} folder @param {number} port @returns {http.Server} */
export function serve(folder, port) {
  const server = http.createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost')
    const file = path.join(
      folder,
      path.normalize(decodeURIComponent(pathname)),
      pathname.endsWith('/') ? 'index.html' : '',
    )
    fs.readFile(file, (error, content) => {
      const type = TYPES[path.extname(file)] ?? 'application/octet-stream'
      const headers = { 'Content-Type': type, 'Content-Security-Policy': POLICY, 'Cache-Control': 'no-cache' }
      response.writeHead(error ? 404 : 200, headers).end(error ? 'not found' : content)
    })
  })
  server.listen(port, '127.0.0.1', () => console.log(`http://127.0.0.1:${port}/`))
  return server
}
