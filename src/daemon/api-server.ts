// The local API: HTTP on a unix socket in the data folder, for whoever may open that file. It answers what an ApiBackend
// knows; everything about a request that is too long, too slow or unknown is refused here.
import { chmodSync, lstatSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { Failure, type FailureCode, type failureCodes } from '../core/failure.ts'
import { limits } from '../core/limits.ts'
import { zoneProblem } from '../core/zone.ts'
import type { ErrorJson, EventsJson, NodesJson, StatusJson } from './api-types.ts'

export interface NodesQuery {
  /** undefined: all zones that are known. */
  zones: string[] | undefined
  /** How long zones may take to answer, in ms. */
  timeoutMs: number
}

/** What stands behind the API: the daemon, or a test. Expected failures are rejected as Failure. */
export interface ApiBackend {
  status(): StatusJson
  nodes(query: NodesQuery): Promise<NodesJson>
  /** By id, unique prefix of an id, or name. E_UNKNOWN_NODE. */
  node(idOrName: string): Promise<NodesJson>
  events(): EventsJson
  /** Resolves when the goodbye is out; `leave`: the folder may be wiped afterwards. */
  stop(leave: boolean): Promise<void>
}

export interface ApiServer {
  /** Stops answering, lets answers under way finish within limits.apiCloseTimeout, and removes the socket. */
  close(): Promise<void>
}

const SOCKET_MODE = 0o660
/** Nobody else may connect in the moment before chmod. */
const SOCKET_UMASK = 0o007
const badRequests: readonly FailureCode[] = ['E_USAGE', 'E_ZONE', 'E_LABEL']

/**
 * Listens on `path`. The socket of a daemon that is gone is replaced.
 * @throws Failure E_DATA_OPEN (a daemon answers there), E_CONFIG (path too long), E_DATA_WRITE.
 */
export async function createApiServer(backend: ApiBackend, path: string): Promise<ApiServer> {
  if (Buffer.byteLength(path) > limits.apiPathBytes)
    throw new Failure('E_CONFIG', `the path ${path} is too long for a socket: choose a data folder of at most 98 bytes`)
  await clearStale(path)
  const server = createServer({ maxHeaderSize: limits.apiHeaderBytes }, (request, response) => {
    void answer(backend, request, response)
  })
  server.maxConnections = limits.apiConnections
  server.requestTimeout = limits.apiRequestTimeout
  server.headersTimeout = limits.apiRequestTimeout
  await listen(server, path)
  return { close: () => close(server) }
}

async function clearStale(path: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false })
  if (found === undefined) return
  if (!found.isSocket())
    throw new Failure('E_DATA_WRITE', `${path} is in the way of the daemon's socket: move it elsewhere`)
  if (await answers(path))
    throw new Failure(
      'E_DATA_OPEN',
      `another daemon answers at ${path}: stop it first, or use another folder with --data`,
    )
  rmSync(path, { force: true })
}

/** True when somebody accepts connections at the socket. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path)
    const done = (alive: boolean) => {
      socket.destroy()
      resolve(alive)
    }
    socket.once('connect', () => done(true))
    socket.once('error', (error: NodeJS.ErrnoException) =>
      done(error.code !== 'ECONNREFUSED' && error.code !== 'ENOENT'),
    )
  })
}

function listen(server: Server, path: string): Promise<void> {
  const umask = process.umask(SOCKET_UMASK)
  try {
    server.listen(path)
  } finally {
    process.umask(umask)
  }
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const advice = 'check its permissions and the space on its disk'
      reject(new Failure('E_DATA_WRITE', `cannot make the socket ${path} (${cause.code}): ${advice}`, { cause }))
    })
    server.once('listening', () => {
      chmodSync(path, SOCKET_MODE)
      resolve()
    })
  })
}

async function close(server: Server): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve))
  server.closeIdleConnections()
  const timer = setTimeout(() => server.closeAllConnections(), limits.apiCloseTimeout)
  await closed
  clearTimeout(timer)
}

async function answer(backend: ApiBackend, request: IncomingMessage, response: ServerResponse): Promise<void> {
  response.on('error', () => undefined)
  try {
    if (!(await bodyless(request))) return send(response, 413, refusal('E_USAGE', 'a request to this API has no body'))
    send(response, 200, await route(backend, request))
  } catch (error) {
    const [status, body] = explain(error)
    send(response, status, body)
  }
}

/** Reads a request to its end; false when more came than is borne. */
async function bodyless(request: IncomingMessage): Promise<boolean> {
  let bytes = 0
  for await (const chunk of request) {
    bytes += (chunk as Buffer).length
    if (bytes > limits.apiBodyBytes) return false
  }
  return true
}

async function route(backend: ApiBackend, request: IncomingMessage): Promise<object> {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost')
  const nodeAsked = /^\/v1\/nodes\/([^/]+)$/.exec(pathname)?.[1]
  switch (`${request.method} ${pathname}`) {
    case 'GET /v1/status':
      return backend.status()
    case 'GET /v1/nodes':
      return await backend.nodes(nodesQuery(searchParams))
    case 'GET /v1/events':
      return backend.events()
    case 'POST /v1/stop':
    case 'POST /v1/leave':
      await backend.stop(pathname === '/v1/leave')
      return {}
  }
  if (request.method === 'GET' && nodeAsked !== undefined) return await backend.node(decoded(nodeAsked))
  throw new NoRoute(`this daemon does not know ${request.method} ${pathname}: the command may be newer than it`)
}

class NoRoute extends Error {}

function nodesQuery(search: URLSearchParams): NodesQuery {
  const zones = search.getAll('zone')
  if (zones.length > limits.apiZones)
    throw new Failure('E_USAGE', `at most ${limits.apiZones} zones can be asked at once`)
  for (const zone of zones) {
    const wrong = zoneProblem(zone)
    if (wrong !== undefined) throw new Failure('E_ZONE', `"${zone}" is not a zone: ${wrong}`)
  }
  const timeoutMs = Number(search.get('timeoutMs') ?? limits.queryTimeout)
  if (!(timeoutMs > 0 && timeoutMs <= limits.apiQueryTimeoutMax))
    throw new Failure('E_USAGE', `the time-out must be more than 0 and at most ${limits.apiQueryTimeoutMax / 1_000} s`)
  return { zones: zones.length === 0 ? undefined : zones, timeoutMs }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new Failure('E_USAGE', 'the name of the node is not encoded as a URL')
  }
}

function explain(error: unknown): [number, ErrorJson] {
  if (error instanceof NoRoute) return [404, refusal('E_PROTOCOL', error.message)]
  if (!(error instanceof Failure))
    return [500, refusal('E_INTERNAL', error instanceof Error ? error.message : String(error))]
  if (error.code === 'E_UNKNOWN_NODE') return [404, refusal(error.code, error.message)]
  return [badRequests.includes(error.code) ? 400 : 500, refusal(error.code, error.message)]
}

function refusal(code: keyof typeof failureCodes, message: string): ErrorJson {
  return { error: { code, message } }
}

function send(response: ServerResponse, status: number, body: object): void {
  if (response.destroyed) return
  const bytes = Buffer.from(JSON.stringify(body))
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': bytes.length,
    'cache-control': 'no-store',
    connection: 'close',
  })
  response.end(bytes)
}
