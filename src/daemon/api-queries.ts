// What the local API is asked, read strictly from the address of a request: whoever asks oddly is told so in one sentence.
import { Failure } from '../core/failure.ts'
import { DAY, limits, MINUTE, SECOND } from '../core/limits.ts'
import { ENCODING_BYTES_MAX, pieceLengthFor } from '../core/swarm/pieces.ts'
import type { Encoding } from '../core/trust/announcement.ts'
import { zonePatternProblem } from '../core/zone.ts'
import { encodingOf } from '../wire/release.ts'
import type { RootJson, StateJson, SubmitJson, TargetsJson } from './api-types.ts'

export interface ZonesQuery {
  /** Names or patterns; undefined: all zones that are known. */
  zones: string[] | undefined
  /** How long zones may take to answer, in ms. */
  timeoutMs: number
}

/** Which rows are answered, in which order, and how many at a time. */
export interface NodesQuery extends ZonesQuery {
  /** A condition on rows (clause CEL 6). */
  where?: string
  sortBy?: SortBy
  /** Rows of one page; undefined: all of them. */
  limit?: number
  /** Rows before the page. */
  at?: number
  /** The id of an answer that was given lately, of which this is another page: nobody is asked. */
  answer?: string
  /** Columns that somebody wants to see: refused when there is no such one. */
  columns?: string[]
}

export interface SortBy {
  /** `name`, `zone`, `status`, `age`, or a metric. */
  by: string
  /** undefined: what is most alarming first, which of metrics and ages is the largest. */
  order: 'asc' | 'desc' | undefined
}

export interface FleetQuery extends ZonesQuery {
  /** Reporters of inner zones are asked for the zones below. */
  below: boolean
}

export interface ReleasesQuery extends ZonesQuery {
  /** Only what is known here: nobody is asked. */
  local: boolean
}

/** `?zone=/a&zone=/b/*&timeoutMs=5000&where=CEL&sortBy=cpu_temp:desc&limit=100&at=100&answer=ID`. @throws Failure E_USAGE, E_ZONE */
export function nodesQuery(search: URLSearchParams): NodesQuery {
  const where = search.get('where') ?? undefined
  const answer = search.get('answer') ?? undefined
  const sorted = search.get('sortBy')
  const limit = wholeOf(search, 'limit', 1)
  const at = wholeOf(search, 'at', 0)
  const columns = search.getAll('column')
  return {
    ...zonesQuery(search),
    ...(where === undefined ? {} : { where }),
    ...(sorted === null ? {} : { sortBy: sortByOf(sorted) }),
    ...(limit === undefined ? {} : { limit }),
    ...(at === undefined ? {} : { at }),
    ...(answer === undefined ? {} : { answer }),
    ...(columns.length === 0 ? {} : { columns: columns.slice(0, limits.apiColumns) }),
  }
}

/** What `pimesh query` asks. */
export interface AskedQuestion extends ZonesQuery {
  /** As it was typed. */
  q: string
}

/** `?q=p95(cpu_temp)&zone=/uk/**`. @throws Failure E_USAGE, E_ZONE */
export function askedQuestion(search: URLSearchParams): AskedQuestion {
  return { ...zonesQuery(search), q: search.get('q') ?? '' }
}

/** `?zone=/a&zone=/b&timeoutMs=5000`. @throws Failure E_USAGE, E_ZONE */
export function zonesQuery(search: URLSearchParams): ZonesQuery {
  const zones = search.getAll('zone')
  if (zones.length > limits.apiZones)
    throw new Failure('E_USAGE', `at most ${limits.apiZones} zones can be asked at once`)
  for (const zone of zones) {
    const wrong = zonePatternProblem(zone)
    if (wrong !== undefined) throw new Failure('E_ZONE', `"${zone}" is not a zone: ${wrong}`)
  }
  return { zones: zones.length === 0 ? undefined : zones, timeoutMs: timeoutOf(search) }
}

/** `?zone=/uk/*&below=true&timeoutMs=5000`. @throws Failure E_USAGE, E_ZONE */
export function fleetQuery(search: URLSearchParams): FleetQuery {
  return { ...zonesQuery(search), below: search.get('below') === 'true' }
}

/** `cpu_temp`, `name:desc`. @throws Failure E_USAGE */
function sortByOf(text: string): SortBy {
  const [, by = '', order] = /^(.*?)(?::(asc|desc))?$/s.exec(text) ?? []
  if (by === '') throw new Failure('E_USAGE', 'rows are sorted by a column, such as cpu_temp or name:desc')
  return { by, order: order as SortBy['order'] }
}

function wholeOf(search: URLSearchParams, name: string, least: number): number | undefined {
  const text = search.get(name)
  if (text === null) return undefined
  const number = count(text)
  if (number >= least && number <= limits.apiRowsMax) return number
  throw new Failure('E_USAGE', `${name} is a whole number from ${least} to ${limits.apiRowsMax}`)
}

/** `?timeoutMs=5000`. @throws Failure E_USAGE */
export function timeoutOf(search: URLSearchParams): number {
  const timeoutMs = Number(search.get('timeoutMs') ?? limits.queryTimeout)
  if (timeoutMs > 0 && timeoutMs <= limits.apiQueryTimeoutMax) return timeoutMs
  throw new Failure('E_USAGE', `the time-out must be more than 0 and at most ${limits.apiQueryTimeoutMax / 1_000} s`)
}

/** The same; `zone=` alone and empty asks nobody. @throws Failure E_USAGE, E_ZONE */
export function releasesQuery(search: URLSearchParams): ReleasesQuery {
  const local = search.get('zone') === ''
  const asked = new URLSearchParams(search)
  if (local) asked.delete('zone')
  return { ...zonesQuery(asked), local }
}

export interface HistoryQuery {
  /** By id, unique prefix of an id, or name. */
  node: string
  /** Undefined: which there are. */
  metric: string | undefined
  sinceMs: number
  /** Undefined: as fine as it is kept. */
  stepMs: number | undefined
  timeoutMs: number
}

/** `?node=pi-3&metric=cpu_temp&sinceMs=86400000&stepMs=300000&timeoutMs=5000`. @throws Failure E_USAGE */
export function historyQuery(search: URLSearchParams): HistoryQuery {
  const node = search.get('node') ?? ''
  if (node === '') throw new Failure('E_USAGE', 'whose values are asked for is missing: node=NAME')
  const span = (name: string) => {
    const text = search.get(name)
    const value = Number(text ?? DAY)
    if (value >= MINUTE && value <= limits.historyKept) return text === null ? undefined : Math.round(value)
    throw new Failure('E_USAGE', `${name} must be from 60000 (a minute) to ${limits.historyKept} (30 days), in ms`)
  }
  const metric = search.get('metric') ?? undefined
  const step = search.get('stepMs') === null ? undefined : Number(search.get('stepMs'))
  if (step !== undefined && !(step >= SECOND && step <= limits.historyKept))
    throw new Failure('E_USAGE', `stepMs must be from 1000 (a second) to ${limits.historyKept} (30 days)`)
  return { node, metric, sinceMs: span('sinceMs') ?? DAY, stepMs: step, timeoutMs: timeoutOf(search) }
}

/** `?after=17`: 0 when it is not given. @throws Failure E_USAGE */
export function eventsAfter(search: URLSearchParams): number {
  const text = search.get('after') ?? '0'
  if (/^\d{1,15}$/.test(text)) return Number(text)
  throw new Failure('E_USAGE', 'the number of an event is a whole number')
}

/** `?from=3`: a version of the root. @throws Failure E_USAGE */
export function rootsFrom(search: URLSearchParams): number {
  const from = count(search.get('from'))
  if (from >= 1) return from
  throw new Failure('E_USAGE', 'the version of a root is a whole number from 1 on')
}

/** `HASH?type=zstd&length=N&pieceLength=N&pieceList=HASH`, with `&base=HASH` of a patch: an encoding that somebody could announce. @throws Failure E_USAGE */
export function encodingQuery(sha256: string, search: URLSearchParams): Encoding {
  const type = TYPES.find((known) => known === search.get('type'))
  const base = search.get('base') ?? undefined
  const length = count(search.get('length'))
  const pieceList = search.get('pieceList') ?? ''
  if (type === undefined) throw odd('type', 'must be identity, zstd or zstd-patch')
  if (type === 'zstd-patch' ? !HASH.test(base ?? '') : base !== undefined)
    throw odd('base', 'must be a SHA-256 in lower-case hex, of a patch alone')
  if (!HASH.test(sha256)) throw odd('hash', 'must be a SHA-256 in lower-case hex')
  if (!HASH.test(pieceList)) throw odd('pieceList', 'must be a SHA-256 in lower-case hex')
  if (!(length >= 1 && length <= ENCODING_BYTES_MAX)) throw odd('length', `must be 1 to ${ENCODING_BYTES_MAX}`)
  const pieceLength = pieceLengthFor(length)
  if (count(search.get('pieceLength')) !== pieceLength)
    throw odd('pieceLength', `must be ${pieceLength} for ${length} bytes`)
  return encodingOf({ type, sha256, length, pieceLength, pieceList, ...(base === undefined ? {} : { base }) })
}

/** The body of a submission. @throws Failure E_USAGE */
export function submission(json: unknown): SubmitJson {
  const { announcement, targets } = (typeof json === 'object' && json !== null ? json : {}) as Partial<SubmitJson>
  if (typeof announcement === 'string' && (targets === null || typeof targets === 'string'))
    return { announcement, targets }
  throw new Failure('E_USAGE', 'a submission has the texts "announcement" and "targets", which may be null')
}

/** The body of a statement that is handed in. @throws Failure E_USAGE */
export function statementOf(json: unknown): StateJson {
  const { statement } = (typeof json === 'object' && json !== null ? json : {}) as Partial<StateJson>
  if (typeof statement === 'string') return { statement }
  throw new Failure('E_USAGE', 'what is handed in has the text "statement"')
}

/** The body of roots that are handed in. @throws Failure E_USAGE */
export function rootsOf(json: unknown): RootJson {
  const { roots } = (typeof json === 'object' && json !== null ? json : {}) as Partial<RootJson>
  if (Array.isArray(roots) && roots.length <= limits.rootVersions && roots.every((root) => typeof root === 'string'))
    return { roots }
  throw new Failure('E_USAGE', 'what is handed in has a list of texts "roots"')
}

/** The body of targets that are handed in. @throws Failure E_USAGE */
export function targetsOf(json: unknown): TargetsJson {
  const { targets } = (typeof json === 'object' && json !== null ? json : {}) as Partial<TargetsJson>
  if (typeof targets === 'string') return { targets }
  throw new Failure('E_USAGE', 'what is handed in has the text "targets"')
}

const HASH = /^[0-9a-f]{64}$/
const TYPES = ['identity', 'zstd', 'zstd-patch'] as const

function count(text: string | null): number {
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN
}

function odd(parameter: string, must: string): Failure {
  return new Failure('E_USAGE', `the parameter ${parameter} of an encoding ${must}`)
}
