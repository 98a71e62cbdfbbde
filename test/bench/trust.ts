// trust: what announcements cost a node. How many of them one core verifies a second, and refuses for each cheap reason; and how long
// an honest one takes while ten thousand invalid ones a second come in, against how long it takes without them, in one run. The node
// is the core, the wire and the crypto of the product, one server of a queue in virtual time, whose work takes what CPU time it takes
// here: what else this machine does at the time plays no part. What libp2p costs comes on top, for honest and invalid ones alike.
import { limits } from '../../src/core/limits.ts'
import { NodeCore } from '../../src/core/node.ts'
import { announcementTopic } from '../../src/core/topics.ts'
import { EMPTY_VECTOR } from '../../src/core/trust/announcement.ts'
import { KnownBad } from '../../src/core/trust/known-bad.ts'
import { headOf, Registers, type Terms } from '../../src/core/trust/registers.ts'
import { parseAnnouncement } from '../../src/wire/announcement.ts'
import { canonicalBytes, type JsonObject, jsonOf } from '../../src/wire/canonical.ts'
import { decodeHead, encodeHead } from '../../src/wire/head.ts'
import { encodeSigned, sha256Hex } from '../../src/wire/signed.ts'
import {
  announcementOf,
  delegationOf,
  env,
  inviteOf,
  keyOf,
  MESH,
  membershipOf,
  NO_PUBLISHERS,
  NOW,
  ROOT,
  releaseOf,
  targetsOf,
} from '../fixtures/documents.ts'
import type { Report } from './main.ts'

const RATE = 10_000
/** Honest announcements, one each so long. */
const HONEST_PERIOD = 200
const SECONDS = 5

const releases = Object.fromEntries(
  Array.from({ length: 8 }, (_, i) => [`acme/agent-${i}`, releaseOf({ counter: i + 1 })]),
)
const TARGETS = targetsOf()
const terms: Terms = { mesh: MESH, delegation: delegationOf(), keys: TARGETS.signed.keys, env }

interface Case {
  name: string
  raw: Uint8Array
  /** The registers of a node in which it is judged. */
  registers?: Registers
  terms?: Terms
}

const held = (version: number): Registers => {
  const registers = new Registers([])
  registers.take(announcementOf({ version, releases }))
  return registers
}

/** The announcement with these signatures instead. */
function resigned(raw: Uint8Array, signatures: object[]): Uint8Array {
  return canonicalBytes({ signed: (jsonOf(raw) as { signed: JsonObject }).signed, signatures } as never)
}

function cases(): Case[] {
  const good = announcementOf({ version: 5, releases }).raw
  const { signed } = jsonOf(good) as { signed: JsonObject }
  const forged = encodeSigned(signed, [{ ...keyOf('publisher'), sign: keyOf('stranger').sign }])
  const strangers = (count: number) =>
    Array.from({ length: count }, (_, i) => ({ keyid: sha256Hex(Buffer.from(`${i}`)), sig: 'ab'.repeat(64) }))
  const knownBad = new KnownBad(env)
  return [
    { name: 'verified', raw: good },
    { name: 'wrong signature', raw: forged },
    { name: 'wrong signature, known', raw: forged, terms: { ...terms, knownBad } },
    { name: 'too long', raw: new Uint8Array(limits.announcementBytes + 1).fill(0x20) },
    { name: 'too many signatures', raw: resigned(good, strangers(limits.documentSignatures + 1)) },
    {
      name: 'unknown role',
      raw: announcementOf({ role: 'nobody', releases }).raw,
      terms: { ...terms, delegation: undefined },
    },
    { name: 'already held', raw: good, registers: held(5) },
    { name: 'old version', raw: good, registers: held(6) },
    { name: 'wrong epoch', raw: announcementOf({ epoch: 2, releases }).raw },
    { name: 'another mesh', raw: announcementOf({ mesh: 'ab'.repeat(32), releases }).raw },
    { name: 'outside its paths', raw: announcementOf({ releases: { ...releases, 'evil/x': releaseOf() } }).raw },
    { name: 'too few known keys', raw: resigned(good, strangers(limits.documentSignatures)) },
  ]
}

function judge({ raw, registers = new Registers([]), terms: by = terms }: Case): void {
  try {
    registers.judge(parseAnnouncement(raw), by)
  } catch {
    // What does not parse is refused by that.
  }
}

/** How often a second of CPU time this core does it, over about so many ms. */
function perSecond(work: () => void, ms = 1_000): number {
  for (let i = 0; i < 20; i++) work()
  const began = cpu()
  let done = 0
  while (cpu() - began < ms) {
    work()
    done += 1
  }
  return Math.round((1_000 * done) / (cpu() - began))
}

type Ask = { ticket: number; peer: string; protocol: string; body: unknown }

/** A node whose disk is instant, whose honest peer answers at once, and whose hostile one gives forged bodies. */
class Stand {
  readonly core: NodeCore
  readonly topic = announcementTopic(MESH.slice(0, 16))
  readonly bodies = new Map<string, Uint8Array>()
  /** Announcements in force, by hash. */
  readonly inForce = new Set<string>()
  now = 0
  #ticket = 1_000_000

  constructor() {
    const membership = membershipOf({ node: 'host', invite: inviteOf({ seats: 1, founding: true }) })
    const saved = { ...NO_PUBLISHERS.publishers, targets: TARGETS, targetsFloor: 1 }
    this.core = new NodeCore(
      env,
      {
        ...{
          mesh: MESH,
          membership,
          roots: [ROOT],
          rootFloor: 1,
          incarnation: 1,
          memberships: [],
          contacts: [],
          rows: [],
        },
        ...{ wall: NOW, recordPeriodMin: 10_000, viewFlushPeriod: limits.viewFlushPeriod },
        ...{ ...NO_PUBLISHERS, publishers: saved },
      },
      0,
    )
    for (const peer of ['honest', 'hostile']) {
      const vector = { ...EMPTY_VECTOR, targetsVersion: 1, targetsHash: TARGETS.hash }
      const hello = {
        rootVersion: 1,
        rootHash: ROOT.hash,
        zone: '/uk/glasgow',
        serves: true,
        addresses: [],
        contacts: [],
      }
      this.feed({ type: 'connected', peer, address: '/ip4/10.0.0.2/tcp/1', direction: 'inbound' })
      this.feed({
        type: 'asked',
        ticket: ++this.#ticket,
        peer,
        protocol: 'hello',
        body: { ...hello, yours: undefined, vector },
      })
    }
  }

  /** What the driver does with bytes of gossip. */
  head(from: string, bytes: Uint8Array): void {
    this.feed({ type: 'headHeard', ticket: ++this.#ticket, from, topic: this.topic, head: decodeHead(bytes) })
  }

  feed(input: Parameters<NodeCore['step']>[0]): void {
    const inputs = [input]
    for (let next = inputs.shift(); next !== undefined; next = inputs.shift()) {
      for (const effect of this.core.step(next, this.now)) {
        if (effect.type === 'persist') inputs.push({ type: 'persisted', ticket: effect.ticket })
        else if (effect.type === 'publishHead') this.inForce.add(effect.head.hash)
        else if (effect.type === 'ask') inputs.push(this.#answer(effect as never))
      }
    }
  }

  #answer({ ticket, peer, body }: Ask): Parameters<NodeCore['step']>[0] {
    const hashes = (body as { hashes?: string[] }).hashes ?? []
    const announcements = hashes.flatMap((hash) => this.bodies.get(hash) ?? []).map(parseAnnouncement)
    const answer = { memberships: [], roots: [], targets: undefined, announcements, pieceList: undefined }
    return { type: 'answered', ticket, peer, protocol: 'sync', body: answer } as never
  }
}

/** CPU time of this process so far, in ms: of all its threads, so with what collecting garbage takes. */
function cpu(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1_000
}

/**
 * Delays from an honest head's arrival to its being in force, in ms, in order of size, and the share of a core that was busy. The
 * hostile member is never dropped: as if it came back each time, or as if there were many.
 */
function delays(flood: readonly Uint8Array[]): { sorted: number[]; busy: number } {
  const stand = new Stand()
  const honest = Array.from({ length: (SECONDS * 1_000) / HONEST_PERIOD }, (_, i) =>
    announcementOf({ version: i + 1, releases, expires: NOW + (i + 1) * 86_400_000 }),
  )
  for (const { hash, raw } of honest) stand.bodies.set(hash, raw)
  const found: number[] = []
  let [free, worked, sent] = [0, 0, 0]
  /** The server takes this up when it is free. */
  const serve = (arrival: number, work: () => void) => {
    stand.now = Math.max(free, arrival)
    const before = cpu()
    work()
    const cost = cpu() - before
    worked += cost
    free = stand.now + cost
  }
  const arrival = (i: number) => (1_000 * i) / RATE
  for (const [k, document] of honest.entries()) {
    const due = (k + 0.5) * HONEST_PERIOD
    while (sent < flood.length && arrival(sent) <= due) {
      // All that has come while the server was busy, and what comes within a millisecond.
      const until = Math.min(due, Math.max(free, arrival(sent)) + 1)
      const first = sent
      while (sent < flood.length && arrival(sent) <= until) sent += 1
      serve(arrival(sent - 1), () => {
        for (const bytes of flood.slice(first, sent)) stand.head('hostile', bytes)
      })
    }
    serve(due, () => stand.head('honest', encodeHead(headOf(document))))
    if (!stand.inForce.has(document.hash)) throw new Error(`announcement ${k + 1} did not come in force`)
    found.push(free - due)
  }
  return { sorted: found.sort((a, b) => a - b), busy: worked / Math.max(free, SECONDS * 1_000) }
}

const median = (sorted: readonly number[]): number => sorted[Math.floor(sorted.length / 2)] ?? 0

/** Old heads that are genuine, then forged ones, each with as many bodies as would ever be asked for. */
const floods: Record<string, (i: number) => Uint8Array> = {
  old: (i) => encodeHead({ role: 'acme', epoch: 1, version: 1, hash: sha256Hex(Buffer.from(`old ${i}`)) }),
  unsigned: (i) =>
    encodeHead({ role: 'acme', epoch: 1, version: 1_000_000 + i, hash: sha256Hex(Buffer.from(`new ${i}`)) }),
  unknownRole: (i) =>
    encodeHead({ role: `role-${i % 1_000}`, epoch: 1, version: 1, hash: sha256Hex(Buffer.from(`${i}`)) }),
}

export async function benchTrust(say: (line: string) => void): Promise<Report> {
  say('announcements a second on one core')
  const rates = Object.fromEntries(cases().map((one) => [one.name, perSecond(() => judge(one))]))
  const results: Record<string, Result> = {}
  delays([]) // warms up
  for (const [name, flood] of Object.entries(floods)) {
    say(`an honest announcement without a flood, and with ${RATE} heads a second: ${name}`)
    const messages = Array.from({ length: RATE * SECONDS }, (_, i) => flood(i))
    const calm = median(delays([]).sorted)
    const { sorted, busy } = delays(messages)
    results[name] = { calmMs: calm, medianMs: median(sorted), ratio: median(sorted) / calm, busy }
  }
  const json = { bench: 'trust', node: process.version, rate: RATE, perSecond: rates, floods: results }
  return { json, table: tableOf(rates, results) }
}

interface Result {
  calmMs: number
  medianMs: number
  ratio: number
  busy: number
}

function tableOf(rates: Record<string, number>, results: Record<string, Result>): string[] {
  const lines = Object.entries(rates).map(([name, rate]) => `${name.padEnd(26)} ${String(rate).padStart(9)} a second`)
  const floods = Object.entries(results).map(([name, { calmMs, medianMs, ratio, busy }]) => {
    const ms = `${calmMs.toFixed(2)} -> ${medianMs.toFixed(2)} ms`
    return `${name.padEnd(26)} ${ms}, ${ratio.toFixed(2)} times, ${Math.round(100 * busy)} % of a core`
  })
  return [...lines, '', ...floods]
}
