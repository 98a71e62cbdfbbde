// The local API: HTTP on a unix socket in the data folder, for whoever may open that file. It answers what an ApiBackend
// knows; everything about a request that is too long, too slow or unknown is refused here.
import { chmodSync, lstatSync, rmSync } from 'node:fs'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { Failure, type FailureCode, type failureCodes } from '../core/failure.ts'
import { limits } from '../core/limits.ts'
import type { Encoding } from '../core/trust/announcement.ts'
import { readJson, readNothing, TooLong, uploadOf } from './api-bodies.ts'
import type { FleetJson, QuestionJson } from './api-fleet-types.ts'
import type { HistoryJson } from './api-history-types.ts'
import {
  type AskedQuestion,
  askedQuestion,
  encodingQuery,
  eventsAfter,
  type FleetQuery,
  fleetQuery,
  type HistoryQuery,
  historyQuery,
  type NodesQuery,
  nodesQuery,
  type ReleasesQuery,
  releasesQuery,
  rootsFrom,
  rootsOf,
  statementOf,
  submission,
  targetsOf,
  timeoutOf,
} from './api-queries.ts'
import type { PulseJson } from './api-reach-types.ts'
import type {
  AuditJson,
  DelegatedJson,
  EnrolmentJson,
  ErrorJson,
  EventsJson,
  NodesJson,
  PublishersJson,
  ReleasesJson,
  RootedJson,
  RootJson,
  RootsJson,
  StatedJson,
  StateJson,
  StatusJson,
  SubmitJson,
  SubmittedJson,
  TargetsJson,
} from './api-types.ts'
import { http } from './http.ts'
import { CONTENT_TYPE } from './metrics/exposition.ts'

/** What stands behind the API: the daemon, or a test. Expected failures are rejected as Failure. */
export interface ApiBackend {
  status(): StatusJson
  nodes(query: NodesQuery): Promise<NodesJson>
  /** What is known of the whole fleet without asking anybody, or with the zones below inner zones. */
  fleet(query: FleetQuery): Promise<FleetJson>
  /** A question about many nodes. E_QUERY, E_METRIC, E_SELECTOR. */
  query(asked: AskedQuestion): Promise<QuestionJson>
  /** By id, unique prefix of an id, or name, with by whom it is seen and what it measures beside its record; each of both steps within `timeoutMs`. E_UNKNOWN_NODE. */
  node(idOrName: string, timeoutMs: number): Promise<NodesJson>
  /** Values of a node over time. E_UNKNOWN_NODE, E_METRIC, E_HISTORY. */
  history(query: HistoryQuery): Promise<HistoryJson>
  /** Whether anything gets to a linked node now. */
  pulse(node: string, timeoutMs: number): Promise<PulseJson>
  /** Those after the one numbered `after`. */
  events(after: number): EventsJson
  audit(): AuditJson
  /** What Prometheus scrapes, in its text format. */
  metrics(): Promise<string>
  releases(query: ReleasesQuery): Promise<ReleasesJson>
  publishers(): PublishersJson
  /** Takes the bytes of an encoding; the signal says that the client is gone. E_ARTIFACT, E_DISK_FULL, E_NO_MEMBER. */
  importEncoding(encoding: Encoding, body: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void>
  /** Resolves when the announcement is in force. E_ANNOUNCEMENT, E_ARTIFACT, E_NO_MEMBER. */
  submit(body: SubmitJson): Promise<SubmittedJson>
  enrolment(): EnrolmentJson
  /** Resolves when the statement is in force. E_STATEMENT. */
  state(body: StateJson): Promise<StatedJson>
  /** Roots from this version on. */
  roots(from: number): RootsJson
  /** Resolves when the newest root is in force. E_ROOT_INVALID. */
  root(body: RootJson): Promise<RootedJson>
  /** Resolves when these targets are in force. E_TARGETS. */
  delegate(body: TargetsJson): Promise<DelegatedJson>
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
const badRequests: readonly FailureCode[] = [
  'E_USAGE',
  'E_ZONE',
  'E_LABEL',
  'E_SELECTOR',
  'E_METRIC',
  'E_QUERY',
  'E_DOCUMENT',
  'E_ARTIFACT',
  'E_ANNOUNCEMENT',
  'E_STATEMENT',
  'E_ROOT_INVALID',
  'E_TARGETS',
]

/**
 * Listens on `path`. The socket of a daemon that is gone is replaced.
 * @throws Failure E_DATA_OPEN (a daemon answers there), E_CONFIG (path too long), E_DATA_WRITE.
 */
export async function createApiServer(backend: ApiBackend, path: string): Promise<ApiServer> {
  if (Buffer.byteLength(path) > limits.apiPathBytes)
    throw new Failure('E_CONFIG', `the path ${path} is too long for a socket: choose a data folder of at most 98 bytes`)
  await clearStale(path)
  const server = http.createServer({ maxHeaderSize: limits.apiHeaderBytes }, (request, response) => {
    void answer(backend, request, response)
  })
  // Who waits to be asked for the body is asked only when the rest of the request is fine.
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    void answer(backend, request, response, () => response.writeContinue())
  })
  server.maxConnections = limits.apiConnections
  server.maxRequestsPerSocket = 1
  server.headersTimeout = limits.apiRequestTimeout
  // An upload takes as long as it takes: api-bodies.ts has the time limits of bodies.
  server.requestTimeout = 0
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

interface Call {
  backend: ApiBackend
  request: IncomingMessage
  search: URLSearchParams
  /** Ends when the caller is gone. */
  signal: AbortSignal
  /** Lets the body come. */
  goOn: () => void
}

async function answer(
  backend: ApiBackend,
  request: IncomingMessage,
  response: ServerResponse,
  goOn: () => void = () => undefined,
): Promise<void> {
  const gone = new AbortController()
  response.on('error', () => undefined)
  response.once('close', () => gone.abort())
  try {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost')
    const call = { backend, request, search: searchParams, signal: gone.signal, goOn }
    const asked = `${request.method} ${pathname}`
    if (asked === 'GET /metrics') return await sendMetrics(backend, request, response)
    send(request, response, 200, await route(asked, call))
  } catch (error) {
    const [status, body] = explain(error)
    send(request, response, status, body)
  }
}

async function route(asked: string, call: Call): Promise<object> {
  const [, hash] = /^PUT \/v1\/encodings\/([^/]+)$/.exec(asked) ?? []
  if (hash !== undefined) return await upload(hash, call)
  call.goOn()
  if (asked === 'POST /v1/announcements')
    return await call.backend.submit(submission(await readJson(call.request, limits.apiSubmitBytes)))
  if (asked === 'POST /v1/statements')
    return await call.backend.state(statementOf(await readJson(call.request, limits.apiSubmitBytes)))
  if (asked === 'POST /v1/roots')
    return await call.backend.root(rootsOf(await readJson(call.request, limits.apiRootsBytes)))
  if (asked === 'POST /v1/targets')
    return await call.backend.delegate(targetsOf(await readJson(call.request, limits.apiSubmitBytes)))
  await readNothing(call.request)
  return await question(asked, call)
}

/** What takes no body. */
async function question(asked: string, { backend, search }: Call): Promise<object> {
  switch (asked) {
    case 'GET /v1/status':
      return backend.status()
    case 'GET /v1/nodes':
      return await backend.nodes(nodesQuery(search))
    case 'GET /v1/fleet':
      return await backend.fleet(fleetQuery(search))
    case 'GET /v1/query':
      return await backend.query(askedQuestion(search))
    case 'GET /v1/history':
      return await backend.history(historyQuery(search))
    case 'GET /v1/events':
      return backend.events(eventsAfter(search))
    case 'GET /v1/audit':
      return backend.audit()
    case 'GET /v1/releases':
      return await backend.releases(releasesQuery(search))
    case 'GET /v1/enrolment':
      return backend.enrolment()
    case 'GET /v1/roots':
      return backend.roots(rootsFrom(search))
    case 'GET /v1/publishers':
      return backend.publishers()
    case 'POST /v1/stop':
    case 'POST /v1/leave':
      await backend.stop(asked === 'POST /v1/leave')
      return {}
  }
  const [, node] = /^GET \/v1\/nodes\/([^/]+)$/.exec(asked) ?? []
  if (node !== undefined) return await backend.node(decoded(node), timeoutOf(search))
  const [, pulsed] = /^GET \/v1\/pulse\/([^/]+)$/.exec(asked) ?? []
  if (pulsed !== undefined) return await backend.pulse(decoded(pulsed), timeoutOf(search))
  throw new NoRoute(`this daemon does not know ${asked}: the command may be newer than it`)
}

async function upload(hash: string, { backend, request, search, signal, goOn }: Call): Promise<object> {
  const encoding = encodingQuery(hash, search)
  await backend.importEncoding(encoding, uploadOf(request, encoding.length, goOn), signal)
  return {}
}

class NoRoute extends Error {}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new Failure('E_USAGE', 'the name of the node is not encoded as a URL')
  }
}

function explain(error: unknown): [number, ErrorJson] {
  if (error instanceof NoRoute) return [404, refusal('E_PROTOCOL', error.message)]
  if (error instanceof TooLong) return [413, refusal('E_USAGE', error.message)]
  if (!(error instanceof Failure))
    return [500, refusal('E_INTERNAL', error instanceof Error ? error.message : String(error))]
  if (error.code === 'E_UNKNOWN_NODE' || error.code === 'E_HISTORY') return [404, refusal(error.code, error.message)]
  return [badRequests.includes(error.code) ? 400 : 500, refusal(error.code, error.message, error.position)]
}

function refusal(code: keyof typeof failureCodes, message: string, position?: number): ErrorJson {
  return { error: position === undefined ? { code, message } : { code, message, position } }
}

/** A page of text; where it cannot be made the caller answers, since nothing was sent yet. */
async function sendMetrics(backend: ApiBackend, request: IncomingMessage, response: ServerResponse): Promise<void> {
  await readNothing(request)
  sendBytes(request, response, 200, CONTENT_TYPE, Buffer.from(await backend.metrics()))
}

function send(request: IncomingMessage, response: ServerResponse, status: number, body: object): void {
  sendBytes(request, response, status, 'application/json', Buffer.from(JSON.stringify(body)))
}

function sendBytes(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  type: string,
  bytes: Uint8Array,
): void {
  if (response.destroyed) return
  response.writeHead(status, {
    'content-type': type,
    'content-length': bytes.length,
    'cache-control': 'no-store',
    connection: 'close',
  })
  if (request.complete) response.end(bytes)
  else linger(request, response, bytes)
}

/**
 * Answers who is still sending: closing the connection now could destroy the answer on its way. What still comes is thrown
 * away until the client has read it and closes, or limits.apiCloseTimeout is over.
 */
function linger(request: IncomingMessage, response: ServerResponse, bytes: Uint8Array): void {
  response.write(bytes)
  const timer = setTimeout(() => response.destroy(), limits.apiCloseTimeout)
  response.once('close', () => clearTimeout(timer))
  request.once('end', () => response.end()).resume()
}
