// What the local API answers with: a node's own status, and answers of the fleet.
import { randomUUID } from 'node:crypto'
import type { HistoryQuestion } from '../core/history/inquiries.ts'
import { limits } from '../core/limits.ts'
import type { NodeCore } from '../core/node.ts'
import type { CacheKind } from '../core/swarm/cache.ts'
import type { Links } from '../ports/links.ts'
import type { CollectorReport, Probe } from '../ports/probe.ts'
import { parseQuestion, type Question } from '../wire/question.ts'
import { answerFrom, answerFromRows, needsBelow, partsOf, requireRowMetrics } from './aggregates.ts'
import type { QuestionJson } from './api-fleet-types.ts'
import type { AskedQuestion } from './api-queries.ts'
import type { ApiBackend } from './api-server.ts'
import type { CacheJson, CollectorJson, NodeJson, StatusJson } from './api-types.ts'
import { auditJson } from './audit-json.ts'
import { deepView } from './below.ts'
import { budgetsJson } from './budgets-json.ts'
import type { Config } from './config.ts'
import type { Driver, Sampled } from './driver.ts'
import type { EventLog } from './event-log.ts'
import { fleetJson } from './fleet-json.ts'
import { historyJson } from './history-json.ts'
import { metricsPage } from './metrics/page.ts'
import { nodeWhole, oneNode } from './one-node.ts'
import { pathJson, pathsJson, reachJson } from './reach-json.ts'
import { RowPages } from './row-pages.ts'

/** What the halves of the daemon that publish and enrol answer by themselves. */
type Publishing = Pick<
  ApiBackend,
  'releases' | 'publishers' | 'importEncoding' | 'submit' | 'enrolment' | 'state' | 'roots' | 'root' | 'delegate'
>

export interface BackendParts extends Publishing {
  version: string
  core: NodeCore
  driver: Driver
  links: Links
  log: EventLog
  mesh: string
  data: string
  /** The folder below which releases are installed. */
  installRoot: string
  mdns: boolean
  relay: Config['relay']
  facts: Record<string, string | number | null>
  probe: Pick<Probe, 'collectors' | 'detail'>
  /** The last sample; undefined before the first. */
  sample: () => Sampled | undefined
  now: () => number
  startedAt: number
  /** CPU in ms from the start of the process to the first heartbeat; null before it. */
  cpuToFirstHeartbeat: () => number | null
  /** Ends the daemon; resolves when the goodbye is out. */
  stop: (options: { leave: boolean }) => Promise<void>
}

export function createBackend(parts: BackendParts): ApiBackend {
  const rows = new RowPages(
    (zones, timeoutMs) => parts.driver.query(zones, timeoutMs),
    () => pathsJson(parts.core, parts.now()),
    () => zonesInFleet(parts),
  )
  const run = randomUUID()
  return {
    status: () => statusJson(parts),
    nodes: (query) => rows.answer(query),
    fleet: async ({ zones, below, timeoutMs }) => {
      const told = below ? await parts.driver.descend(zones, timeoutMs) : undefined
      const asked = { zones, below: told }
      return fleetJson(parts.core.fleet(parts.now()), ownZone(parts), nameOf(parts.core), asked)
    },
    query: (asked) => answerQuestion(parts, rows, asked),
    node: async (idOrName, timeoutMs) => {
      const all = await rows.answer({ zones: undefined, timeoutMs })
      return await nodeWhole(parts, all, { idOrName, timeoutMs })
    },
    history: async (asked) => {
      const all = await rows.answer({ zones: undefined, timeoutMs: limits.queryTimeout })
      const [row] = oneNode(all, asked.node).nodes
      return historyJson(remembering(parts), row as NodeJson, asked)
    },
    pulse: async (node, timeoutMs) => ({
      schema: 'pimesh.pulse/1',
      node,
      roundTripMs: await pulse(parts.links, node, timeoutMs),
    }),
    events: (after) => ({ schema: 'pimesh.events/1', run, events: parts.log.since(after) }),
    audit: () => auditJson(parts.core, parts.now()),
    metrics: () =>
      metricsPage({
        ...parts,
        status: () => statusJson(parts),
        local: () => parts.releases({ zones: undefined, timeoutMs: limits.queryTimeout, local: true }),
      }),
    releases: parts.releases,
    publishers: parts.publishers,
    importEncoding: parts.importEncoding,
    submit: parts.submit,
    enrolment: parts.enrolment,
    state: parts.state,
    roots: parts.roots,
    root: parts.root,
    delegate: parts.delegate,
    stop: (leave) => parts.stop({ leave }),
  }
}

function ownZone({ core }: Pick<BackendParts, 'core'>): string {
  return core.snapshot().membership.claims.zone
}

/** Leaf zones that the fleet summary counts, dark ones too; undefined while there is none. */
function zonesInFleet({ core, now }: BackendParts): number | undefined {
  const figures = core.fleet(now()).summary?.figures
  return figures && figures.zones + figures.dark
}

function nameOf(core: NodeCore): (node: string) => string | null {
  return (node) => core.membershipOf(node)?.claims.name ?? null
}

/** From what is known here where that can say it, else from rows. */
async function answerQuestion(parts: BackendParts, rows: RowPages, asked: AskedQuestion): Promise<QuestionJson> {
  const question = parseQuestion(asked.q)
  const begun = parts.now()
  const here = await partsHere(parts, question, asked)
  const called = question.by === 'release' ? await releaseNames(parts) : new Map<string, string>()
  const nameOf = (release8: string) => called.get(release8) ?? release8
  if (here !== undefined) return answerFrom(question, here, nameOf)
  requireRowMetrics(question)
  const { where } = question
  const found = await rows.all({
    zones: asked.zones,
    timeoutMs: Math.max(1, asked.timeoutMs - (parts.now() - begun)),
    ...(where === undefined ? {} : { where }),
  })
  return answerFromRows(question, found, nameOf)
}

/** Figures that are known here, or that reporters of inner zones tell where zones are named or told apart. */
async function partsHere({ core, driver, now }: BackendParts, question: Question, { zones, timeoutMs }: AskedQuestion) {
  const own = ownZone({ core })
  // When zones are not told, their members are asked: that takes its time, too.
  const below = needsBelow(question, zones, own) ? await driver.descend(zones, timeoutMs / 2) : undefined
  const view = core.fleet(now())
  if (below === undefined) return partsOf(question, view, zones, own)
  return partsOf(question, deepView(view, below), zones, own, below)
}

/** What releases are called that are announced, by the first 8 bytes of their hash. */
async function releaseNames({ releases }: BackendParts): Promise<Map<string, string>> {
  const answer = await releases({ zones: undefined, timeoutMs: limits.queryTimeout, local: true })
  return new Map(answer.releases.map(({ hash, release }) => [hash.slice(0, RELEASE8), release]))
}

const RELEASE8 = 16

function remembering({ driver, core }: BackendParts) {
  return {
    ask: (question: HistoryQuestion) => driver.history(question),
    nameOf: (node: string) => core.membershipOf(node)?.claims.name ?? null,
    wall: () => Date.now(),
  }
}

async function pulse(links: Links, node: string, timeoutMs: number): Promise<number | null> {
  try {
    return await links.pulse(node, { signal: AbortSignal.timeout(timeoutMs) })
  } catch {
    return null
  }
}

/** How many there are of each. */
function counted(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1
  return counts
}

/** What is known of time, and what ends soon. */
function timeJson(core: NodeCore, now: number): Pick<StatusJson, 'timeBound' | 'freshness' | 'beacon' | 'endingSoon'> {
  const date = (wall: number) => new Date(wall).toISOString()
  const { beacons } = core.releases
  const { newest, period, isHolder } = beacons
  const time = newest === undefined ? null : date(newest.signed.time)
  return {
    timeBound: date(core.snapshot().time.bound),
    freshness: core.releases.freshness(now),
    beacon: period === undefined ? null : { time, periodMs: period, signs: isHolder },
    endingSoon: core.ending(now).map(({ what, expires }) => ({ what, expires: date(expires) })),
  }
}

function cacheJson({ releases }: NodeCore, kind: CacheKind): CacheJson {
  const { encodings, bytes, budget } = releases.spare.cached(kind)
  return { encodings, bytes, limitBytes: budget }
}

function collectorJson({ collector, series, trouble }: CollectorReport): CollectorJson {
  return {
    name: collector,
    series,
    trouble: trouble === undefined ? null : { code: trouble.code, reason: trouble.reason },
  }
}

function statusJson(parts: BackendParts): StatusJson {
  const { core, links } = parts
  const snapshot = core.snapshot()
  const { membership } = snapshot
  const invite = membership.invite.signed
  const isNode = invite.capabilities.includes('node')
  const now = parts.now()
  const { user, system } = process.cpuUsage()
  return {
    schema: 'pimesh.status/1',
    version: parts.version,
    mesh: parts.mesh,
    node: membership.claims.node,
    name: membership.claims.name,
    zone: membership.claims.zone,
    role: isNode ? 'node' : 'operator',
    capabilities: [...invite.capabilities],
    labels: { ...invite.labels },
    membershipExpires: new Date(core.endOf(membership)).toISOString(),
    countersigned: membership.countersignature !== undefined || invite.founding,
    incarnation: snapshot.incarnation,
    uptimeMs: Math.round(now - parts.startedAt),
    rootVersion: snapshot.root.signed.version,
    rootIssued: new Date(snapshot.root.signed.issued).toISOString(),
    rootExpires: new Date(snapshot.root.signed.expires).toISOString(),
    clockTrusted: snapshot.clockTrusted,
    ...timeJson(core, now),
    mdns: parts.mdns,
    counts: { ...snapshot.counts },
    isolated: snapshot.isolated,
    links: snapshot.links.map((link) => ({
      node: link.peer,
      name: core.membershipOf(link.peer)?.claims.name ?? null,
      zone: link.zone ?? null,
      address: link.address,
      direction: link.direction,
      ageMs: Math.round(now - link.since),
      path: pathJson(link, (node) => core.membershipOf(node)?.claims.name ?? null, now),
    })),
    reach: reachJson(core, links.relaying(), now),
    budgets: budgetsJson(core.releases.budgets(now), { ...parts.relay, ...links.relaying() }, now),
    contacts: snapshot.contacts,
    listening: [...snapshot.listening],
    alerts: snapshot.alerts.map(({ kind, node, detail, raised }) => ({
      kind,
      node,
      detail,
      ageMs: Math.round(now - raised),
    })),
    refusals: { ...snapshot.refusals },
    revoked:
      snapshot.revocation === undefined
        ? null
        : { proven: snapshot.revocation.proven, by: [...snapshot.revocation.tellers] },
    traffic: links.traffic(),
    pieces: parts.driver.pieces.json(),
    cache: { old: cacheJson(core, 'old'), forwarded: cacheJson(core, 'forwarded') },
    process: {
      pid: process.pid,
      residentBytes: process.memoryUsage.rss(),
      cpuMs: Math.round((user + system) / 1000),
      cpuToFirstHeartbeatMs: parts.cpuToFirstHeartbeat(),
      resources: counted(process.getActiveResourcesInfo()),
    },
    collectors: parts.probe.collectors().map(collectorJson),
    facts: parts.facts,
    data: parts.data,
    ...(isNode ? { installRoot: parts.installRoot } : {}),
  }
}
