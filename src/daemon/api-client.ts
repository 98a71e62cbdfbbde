// The client of the local API: what commands and screens use to ask the daemon of a data folder.
import { existsSync } from 'node:fs'
import { type IncomingMessage, request } from 'node:http'
import { join } from 'node:path'
import { Failure, type FailureCode, failureCodes } from '../core/failure.ts'
import { limits } from '../core/limits.ts'
import type { ErrorJson, EventsJson, NodesJson, StatusJson } from './api-types.ts'

export interface ApiClient {
  status(): Promise<StatusJson>
  /** Rows of these zones (none: all that are known); zones may take `timeoutMs` to answer. */
  nodes(query?: { zones?: readonly string[]; timeoutMs?: number }): Promise<NodesJson>
  /** One node by id, unique prefix of an id, or name. E_UNKNOWN_NODE. */
  node(idOrName: string): Promise<NodesJson>
  events(): Promise<EventsJson>
  /** Resolves when the daemon said goodbye to the mesh and is about to end. */
  stop(): Promise<void>
  /** The same, and it gives up its membership. */
  leave(): Promise<void>
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
  const ask = <T>(method: 'GET' | 'POST', target: string, waitMs = 0) => exchange<T>(data, method, target, waitMs)
  return {
    status: () => ask('GET', '/v1/status'),
    nodes: ({ zones = [], timeoutMs = limits.queryTimeout } = {}) => {
      const search = new URLSearchParams(zones.map((zone): [string, string] => ['zone', zone]))
      search.set('timeoutMs', String(timeoutMs))
      return ask('GET', `/v1/nodes?${search}`, timeoutMs)
    },
    node: (idOrName) => ask('GET', `/v1/nodes/${encodeURIComponent(idOrName)}`, limits.queryTimeout),
    events: () => ask('GET', '/v1/events'),
    stop: async () => void (await ask('POST', '/v1/stop')),
    leave: async () => void (await ask('POST', '/v1/leave')),
  }
}

async function exchange<T>(data: string, method: string, path: string, waitMs: number): Promise<T> {
  const { status, text } = await new Promise<{ status: number; text: string }>((resolve, reject) => {
    const signal = AbortSignal.timeout(limits.apiRequestTimeout + waitMs)
    const asked = request({ socketPath: apiSocket(data), agent: false, method, path, signal }, (response) => {
      readBounded(response).then((text) => resolve({ status: response.statusCode ?? 0, text }), reject)
    })
    asked.once('error', reject)
    asked.end()
  }).catch((cause: NodeJS.ErrnoException) => {
    throw cause instanceof Failure ? cause : unreachable(data, cause)
  })
  const body = parsed(text)
  if (status === 200) return body as T
  throw refused(body as Partial<ErrorJson>, status)
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
  const { code = '', message = `the daemon answered ${status}` } = body.error ?? {}
  return new Failure(Object.hasOwn(failureCodes, code) ? (code as FailureCode) : 'E_PROTOCOL', message)
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
