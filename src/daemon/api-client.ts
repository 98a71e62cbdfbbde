// The client of the local API: what commands and screens use to ask the daemon of a data folder. Even Node's own network code is
// loaded with the first question, so that commands which ask nothing, such as `sign`, run without any.
import { existsSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { Failure, type FailureCode, failureCodes } from '../core/failure.ts'
import { limits } from '../core/limits.ts'
import type { Encoding } from '../core/trust/announcement.ts'
import type { FleetJson, QuestionJson } from './api-fleet-types.ts'
import type { HistoryJson } from './api-history-types.ts'
import type { NodesQuery } from './api-queries.ts'
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
  RootsJson,
  StatedJson,
  StatusJson,
  SubmitJson,
  SubmittedJson,
} from './api-types.ts'

/** See api-queries.ts; `sortBy` as it is typed. */
export interface NodesAsked extends Partial<Omit<NodesQuery, 'zones' | 'sortBy' | 'columns'>> {
  zones?: readonly string[]
  sortBy?: string | undefined
  columns?: readonly string[]
}

export interface ApiClient {
  status(): Promise<StatusJson>
  /** Rows of these zones (none: all that are known); zones may take `timeoutMs` to answer. E_ZONE, E_SELECTOR, E_METRIC. */
  nodes(query?: NodesAsked): Promise<NodesJson>
  /** What is known of the whole fleet without asking anybody; `zones` has these only (none: all). E_ZONE. */
  fleet(zones?: readonly string[]): Promise<FleetJson>
  /** The same with the zones below inner zones, whose reporters may take `timeoutMs` to tell them. E_ZONE. */
  zones(zones: readonly string[], timeoutMs?: number): Promise<FleetJson>
  /** Figures of many nodes. E_QUERY, E_METRIC, E_SELECTOR, E_ZONE. */
  query(q: string, asked?: { zones?: readonly string[]; timeoutMs?: number }): Promise<QuestionJson>
  /** One node by id, unique prefix of an id, or name, with by whom it is seen and what it measures beside its record. E_UNKNOWN_NODE. */
  node(idOrName: string, timeoutMs?: number): Promise<NodesJson>
  /** Values of a node over time; without `metric` which there are. E_UNKNOWN_NODE, E_METRIC, E_HISTORY. */
  history(asked: HistoryAsked): Promise<HistoryJson>
  /** Whether anything gets to a linked node now; nobody is dialled for it. */
  pulse(node: string, timeoutMs?: number): Promise<PulseJson>
  /** Those after the one numbered `after`; default: all that are kept. */
  events(after?: number): Promise<EventsJson>
  /** What was accepted and refused of the publishers. */
  audit(): Promise<AuditJson>
  /** Current releases and what the nodes of these zones say of them; `local`: what is known without asking anybody. */
  releases(query?: { zones?: readonly string[]; timeoutMs?: number; local?: boolean }): Promise<ReleasesJson>
  publishers(): Promise<PublishersJson>
  /**
   * Hands over the bytes of an encoding. A refusal is known before any byte is sent where it can be.
   * @throws Failure E_ARTIFACT, E_DISK_FULL, E_NO_MEMBER; what `body` throws; the signal's reason.
   */
  importEncoding(encoding: Encoding, body: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void>
  /** Resolves when the announcement is in force. E_ANNOUNCEMENT, E_ARTIFACT, E_NO_MEMBER. */
  submit(body: SubmitJson): Promise<SubmittedJson>
  /** Statements of enrol keys that are in force there. */
  enrolment(): Promise<EnrolmentJson>
  /** Hands in a statement (canonical JSON). Resolves when it is in force. E_STATEMENT. */
  state(statement: string): Promise<StatedJson>
  /** Roots that are held from this version on; perhaps not all at once. E_PROTOCOL: an older daemon. */
  roots(from: number): Promise<RootsJson>
  /** Hands in roots (canonical JSON). Resolves when the newest is in force. E_ROOT_INVALID. */
  root(roots: readonly string[]): Promise<RootedJson>
  /** Hands in targets (canonical JSON). Resolves when they are in force. E_TARGETS. */
  delegate(targets: string): Promise<DelegatedJson>
  /** Resolves when the daemon said goodbye to the mesh and is about to end. */
  stop(): Promise<void>
  /** The same, and it gives up its membership. */
  leave(): Promise<void>
}

export interface HistoryAsked {
  node: string
  metric: string | undefined
  sinceMs: number
  stepMs?: number | undefined
  timeoutMs?: number
}

/** Where the daemon of a data folder listens. */
export function apiSocket(data: string): string {
  return join(data, 'api.sock')
}

/**
 * A client for the daemon of this data folder; connects anew for each question.
 * Every method rejects with Failure: E_NO_DAEMON, or what the daemon answered.
 */
export function apiClient(data: string): ApiClient {
  const ask = <T>(target: string, waitMs = 0) => exchange<T>(data, { method: 'GET', target, waitMs })
  const tell = <T>(target: string, body?: object, waitMs = 0) =>
    exchange<T>(data, { method: 'POST', target, waitMs, body })
  return {
    status: () => ask('/v1/status'),
    nodes: (asked = {}) => ask(`/v1/nodes?${nodesAsked(asked)}`, asked.timeoutMs ?? limits.queryTimeout),
    fleet: (zones = []) => ask(`/v1/fleet?${zonesAsked(zones, limits.queryTimeout)}`),
    zones: (zones, timeoutMs = limits.queryTimeout) => {
      const search = zonesAsked(zones, timeoutMs)
      search.set('below', 'true')
      return ask(`/v1/fleet?${search}`, timeoutMs)
    },
    query: (q, { zones = [], timeoutMs = limits.queryTimeout } = {}) => {
      const search = zonesAsked(zones, timeoutMs)
      search.set('q', q)
      return ask(`/v1/query?${search}`, timeoutMs)
    },
    // It is looked for first, and then others are asked about it.
    node: (idOrName, timeoutMs = limits.queryTimeout) =>
      ask(`/v1/nodes/${encodeURIComponent(idOrName)}?timeoutMs=${timeoutMs}`, 2 * timeoutMs),
    pulse: (node, timeoutMs = limits.queryTimeout) =>
      ask(`/v1/pulse/${encodeURIComponent(node)}?timeoutMs=${timeoutMs}`, timeoutMs),
    history: ({ node, metric, sinceMs, stepMs, timeoutMs = limits.queryTimeout }) => {
      const search = new URLSearchParams({ node, sinceMs: String(sinceMs), timeoutMs: String(timeoutMs) })
      if (metric !== undefined) search.set('metric', metric)
      if (stepMs !== undefined) search.set('stepMs', String(stepMs))
      // The node is looked for first, and then it may be asked twice: which series there are, and for their values.
      return ask(`/v1/history?${search}`, limits.queryTimeout + 2 * timeoutMs)
    },
    events: (after = 0) => ask(`/v1/events?after=${after}`),
    audit: () => ask('/v1/audit'),
    releases: ({ zones = [], timeoutMs = limits.queryTimeout, local = false } = {}) =>
      ask(`/v1/releases?${zonesAsked(local ? [''] : zones, timeoutMs)}`, timeoutMs),
    publishers: () => ask('/v1/publishers'),
    importEncoding: (encoding, body, signal) => upload(data, encoding, body, signal),
    submit: (body) => tell('/v1/announcements', body, limits.apiUploadStall),
    enrolment: () => ask('/v1/enrolment'),
    state: (statement) => tell('/v1/statements', { statement }),
    roots: (from) => ask(`/v1/roots?from=${from}`),
    root: (roots) => tell('/v1/roots', { roots }),
    delegate: (targets) => tell('/v1/targets', { targets }),
    stop: async () => void (await tell('/v1/stop')),
    leave: async () => void (await tell('/v1/leave')),
  }
}

function zonesAsked(zones: readonly string[], timeoutMs: number): URLSearchParams {
  const search = new URLSearchParams(zones.map((zone): [string, string] => ['zone', zone]))
  search.set('timeoutMs', String(timeoutMs))
  return search
}

function nodesAsked({
  zones = [],
  timeoutMs = limits.queryTimeout,
  columns = [],
  ...more
}: NodesAsked): URLSearchParams {
  const search = zonesAsked(zones, timeoutMs)
  for (const [name, value] of Object.entries(more)) if (value !== undefined) search.set(name, String(value))
  for (const column of columns) search.append('column', column)
  return search
}

interface Question {
  method: 'GET' | 'POST'
  target: string
  /** What the daemon may need for it, in ms, beside the exchange itself. */
  waitMs: number
  body?: object | undefined
}

async function exchange<T>(data: string, { method, target, waitMs, body }: Question): Promise<T> {
  const { http } = await import('./http.ts')
  const answer = await new Promise<Answer>((resolve, reject) => {
    const signal = AbortSignal.timeout(limits.apiRequestTimeout + waitMs)
    const bytes = body === undefined ? undefined : Buffer.from(JSON.stringify(body))
    const headers = bytes === undefined ? {} : { 'content-type': 'application/json', 'content-length': bytes.length }
    const options = { socketPath: apiSocket(data), agent: false, method, path: target, signal, headers }
    const asked = http.request(options, (response) => void readAnswer(response).then(resolve, reject))
    asked.once('error', reject)
    asked.end(bytes)
  }).catch((cause) => {
    throw cause instanceof Failure ? cause : unreachable(data, cause)
  })
  return settled<T>(answer)
}

/** The daemon asks for the body when it would take it, and may answer in the middle of it: then nothing more is sent. */
async function upload(
  data: string,
  encoding: Encoding,
  body: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<void> {
  const { http } = await import('./http.ts')
  const { sha256, type, length, pieceLength, pieceList, base } = encoding
  const search = new URLSearchParams({ type, pieceList, length: String(length), pieceLength: String(pieceLength) })
  if (base !== undefined) search.set('base', base)
  const { promise, resolve, reject } = Promise.withResolvers<Answer>()
  const asked = http.request({
    socketPath: apiSocket(data),
    agent: false,
    method: 'PUT',
    path: `/v1/encodings/${sha256}?${search}`,
    headers: { 'content-length': length, expect: '100-continue' },
    signal,
  })
  const failed = (cause: NodeJS.ErrnoException) => reject(cause instanceof Failure ? cause : unreachable(data, cause))
  asked.on('error', failed)
  asked.once('response', (response) => void readAnswer(response).then(resolve, failed))
  asked.once('continue', () => void pipeline(body, asked).catch(failed))
  asked.setTimeout(limits.apiUploadStall, () => {
    asked.destroy(Object.assign(new Error('nothing moves'), { name: 'TimeoutError' }))
  })
  asked.flushHeaders()
  try {
    settled(await promise)
  } catch (cause) {
    throw signal.aborted ? signal.reason : cause
  } finally {
    asked.destroy()
  }
}

interface Answer {
  status: number
  text: string
}

/** What was asked for. @throws Failure: the daemon's refusal. */
function settled<T>({ status, text }: Answer): T {
  const body = parsed(text)
  if (status === 200) return body as T
  throw refused(body as Partial<ErrorJson>, status)
}

async function readAnswer(response: IncomingMessage): Promise<Answer> {
  return { status: response.statusCode ?? 0, text: await readBounded(response) }
}

async function readBounded(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response) {
    bytes += (chunk as Buffer).length
    if (bytes > limits.apiAnswerBytes)
      throw new Failure('E_PROTOCOL', 'the answer of the daemon is too long: ask for fewer zones')
    chunks.push(chunk as Buffer)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new Failure('E_PROTOCOL', 'what answers at the socket is not a pimesh daemon, or not of this version', {
      cause,
    })
  }
}

function refused(body: Partial<ErrorJson>, status: number): Failure {
  const { code = '', message = `the daemon answered ${status}`, position } = body.error ?? {}
  const known = Object.hasOwn(failureCodes, code) ? (code as FailureCode) : 'E_PROTOCOL'
  return new Failure(known, message, { position })
}

function unreachable(data: string, cause: NodeJS.ErrnoException): Failure {
  return new Failure('E_NO_DAEMON', `no daemon answers for the data folder ${data}: ${adviceFor(data, cause)}`, {
    cause,
  })
}

function adviceFor(data: string, { code, name }: NodeJS.ErrnoException): string {
  if (code === 'EACCES') return 'its socket belongs to another user; run this as that user, or join its group'
  if (name === 'AbortError' || name === 'TimeoutError') return 'it is there but hangs; look at its log and restart it'
  if (code === 'ECONNRESET' || code === 'EPIPE') return 'it ended in the middle of the answer; try again'
  if (!existsSync(data)) return 'there is no such folder; name the right one with --data'
  return `start it with "pimesh up --data ${data}", or name another folder with --data`
}
