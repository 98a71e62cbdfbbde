// /metrics over TCP, on this machine only: for a Prometheus or an agent that runs here, or comes through a tunnel. Nothing else is served.
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { Failure } from '../../core/failure.ts'
import { limits } from '../../core/limits.ts'
import { http } from '../http.ts'
import { CONTENT_TYPE } from './exposition.ts'

export interface LoopbackAddress {
  host: string
  port: number
}

/** Names of this machine for itself. A page of a stranger that has its name point here (DNS rebinding) sends another one. */
const OWN_NAMES = /^(localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\])(:\d{1,5})?$/

/**
 * Listens there. `page` makes what is served.
 * @throws Failure E_PORT_TAKEN, E_PORT_DENIED, E_NO_ADDRESS.
 */
export async function serveMetrics(
  page: () => Promise<string>,
  { host, port }: LoopbackAddress,
): Promise<{ port: number; close: () => Promise<void> }> {
  const server = http.createServer({ maxHeaderSize: limits.apiHeaderBytes }, (request, response) => {
    void answer(page, request, response)
  })
  server.maxConnections = limits.apiConnections
  server.headersTimeout = limits.apiRequestTimeout
  server.requestTimeout = limits.apiRequestTimeout
  server.keepAliveTimeout = limits.apiRequestTimeout
  await listen(server, { host, port })
  const bound = server.address()
  return { port: typeof bound === 'object' && bound !== null ? bound.port : port, close: () => close(server) }
}

function listen(server: Server, { host, port }: LoopbackAddress): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => reject(problem(cause, `${host} port ${port}`)))
    server.listen(port, host, resolve)
  })
}

function problem(cause: NodeJS.ErrnoException, where: string): Failure {
  const key = '"http.listen" of the configuration'
  if (cause.code === 'EADDRINUSE')
    return new Failure('E_PORT_TAKEN', `another program listens on ${where} already: give another port in ${key}`, {
      cause,
    })
  if (cause.code === 'EACCES')
    return new Failure('E_PORT_DENIED', `this user may not listen on ${where}: give a port from 1024 on in ${key}`, {
      cause,
    })
  return new Failure('E_NO_ADDRESS', `cannot listen on ${where} (${cause.code}): correct ${key}`, { cause })
}

async function close(server: Server): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve))
  server.closeAllConnections()
  await closed
}

async function answer(page: () => Promise<string>, request: IncomingMessage, response: ServerResponse): Promise<void> {
  response.on('error', () => undefined)
  const refusal = refuse(request)
  if (refusal !== undefined) return send(response, ...refusal)
  try {
    send(response, 200, await page(), CONTENT_TYPE)
  } catch (error) {
    send(response, 500, `${error instanceof Error ? error.message : String(error)}\n`)
  }
}

/** Status and words for what is not answered. */
function refuse({ method, url, headers }: IncomingMessage): [number, string] | undefined {
  if (!OWN_NAMES.test(headers.host ?? ''))
    return [421, 'this is served to localhost only: ask for it by that name, or as 127.0.0.1\n']
  if (headers.origin !== undefined) return [403, 'this is not served to web pages\n']
  if (!/^\/metrics(\?.*)?$/.test(url ?? '')) return [404, 'only /metrics is here\n']
  return method === 'GET' || method === 'HEAD' ? undefined : [405, 'ask with GET\n']
}

function send(response: ServerResponse, status: number, text: string, type = 'text/plain; charset=utf-8'): void {
  const bytes = Buffer.from(text)
  response.writeHead(status, {
    'content-type': type,
    'content-length': bytes.length,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'cross-origin-resource-policy': 'same-origin',
    ...(status === 405 && { allow: 'GET, HEAD' }),
    // A body of whoever is refused is not waited for.
    ...(status !== 200 && { connection: 'close' }),
  })
  response.end(bytes)
}
