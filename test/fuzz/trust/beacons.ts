// Beacons, one by one and in rows: none counts without the threshold of the beacon keys, no counter and no proven time ever falls,
// what is kept on the way carries right signatures of the role's keys only, and a run that starts from the disk holds the same.
import type { Millis } from '../../../src/core/env.ts'
import type { Effect } from '../../../src/core/events.ts'
import { DAY, HOUR, limits } from '../../../src/core/limits.ts'
import { Outbox } from '../../../src/core/outbox.ts'
import { Self } from '../../../src/core/self.ts'
import type { Beacon, BeaconDocument, BeaconFloor } from '../../../src/core/trust/beacon.ts'
import { Beacons } from '../../../src/core/trust/beacons.ts'
import { headOf } from '../../../src/core/trust/registers.ts'
import { beaconJson, parseBeacon } from '../../../src/wire/beacon.ts'
import { encodeSigned } from '../../../src/wire/signed.ts'
import { keyOf, membershipOf, NOW, rootOf, signRoot } from '../../fixtures/documents.ts'
import { type Target, Violation } from '../fuzzer.ts'
import { target } from './documents.ts'
import { ANNOUNCEMENTS, env, IN_FORCE, MESH, mutations, parsed, partsOf, rows, TOO_FEW } from './genuine.ts'

const HOLDERS = ['b1', 'b2', 'b3'].map(keyOf)
const role = { keyIds: HOLDERS.map(({ keyId }) => keyId), threshold: 2 }
const base = rootOf({ version: 2 })
const ROOT = signRoot(
  {
    ...{
      ...base,
      keys: new Map([...base.keys, ...HOLDERS.map(({ keyId, publicKey }) => [keyId, publicKey] as const)]),
    },
    roles: { ...base.roles, beacon: role },
  },
  ['root'],
)
const KEYS = new Map(HOLDERS.map(({ keyId, publicKey }) => [keyId, publicKey]))
const FIRST = NOW / HOUR
const vector = {
  ...{ targetsVersion: 2, targetsHash: IN_FORCE.hash },
  heads: [{ ...headOf(ANNOUNCEMENTS[1]), rival: ANNOUNCEMENTS[2].hash }],
}

function beaconOf(period: number, by: string[], changes: Partial<Beacon> = {}): BeaconDocument {
  const counter = FIRST + period
  const signed = { mesh: MESH, counter, time: counter * HOUR, rootVersion: 2, rootHash: ROOT.hash, vector, ...changes }
  return parseBeacon(encodeSigned(beaconJson(signed), by.map(keyOf)))
}

/** The threshold signed these, together; b3 was stolen, and never signs with another one what is not among them. */
const COUNTING = [
  beaconOf(1, ['b1']),
  beaconOf(1, ['b2']),
  beaconOf(2, ['b1', 'b3']),
  beaconOf(3, ['b2', 'b3']),
  beaconOf(3, ['b1', 'b2', 'b3'], { vector: { ...vector, heads: [] } }),
]
/** Signed by enough, and yet they do not count: of another mesh, at a time of its own, beyond the end of the root, before it. */
const MOOT = [
  beaconOf(5, ['b1', 'b2'], { mesh: 'ab'.repeat(32) }),
  beaconOf(5, ['b1', 'b2'], { time: NOW + 50 * HOUR }),
  beaconOf((400 * DAY) / HOUR, ['b1', 'b2']),
  beaconOf(-2, ['b1', 'b2']),
]
const LONE = [beaconOf(9, ['b3']), beaconOf(4, ['b3'], { rootVersion: 9 })]
const SAMPLES = [...COUNTING, ...MOOT, ...LONE].map(({ raw }) => raw)
const GENUINE = new Set(COUNTING.map(({ hash }) => hash))
const FEW = [...TOO_FEW, ['b3'], ['b3', 'stranger', 't1']]

const MEMBER = membershipOf({ claims: { mesh: MESH } })

/** What a node wrote. */
interface Disk {
  beacon?: BeaconDocument
  floor?: BeaconFloor
  bound?: Millis
}

class Held {
  readonly #disk: Disk
  readonly #out = new Outbox()
  readonly #self: Self
  #refused = 0
  #now = 0
  readonly #beacons: Beacons

  constructor(disk: Disk = {}) {
    this.#disk = disk
    this.#self = new Self(MESH, MEMBER, ROOT, NOW, 0, disk.bound)
    const refusals = { count: () => void this.#refused++ }
    const parts = { env, out: this.#out, self: this.#self, refusals, topic: 'ann', vector: () => vector }
    this.#beacons = new Beacons(parts, disk, 0)
  }

  /** The process ended, and began again with what is on disk. */
  restarted(): Held {
    const again = new Held(this.#disk)
    if (again.#text() !== this.#text()) throw new Violation('after a restart another beacon or another time is held')
    return again
  }

  /** Does with the answer of a peer what a node does. True when a newer beacon counts afterwards. */
  take(document: BeaconDocument): boolean {
    this.#now += HOUR
    const [before, kept, refused, { bound }] = [this.#counter(), this.#kept(), this.#refused, this.#self.time]
    const head = { role: 'beacon', epoch: 7, version: 2 ** 31 - 1, hash: 'ab'.repeat(32) }
    this.#beacons.offered('peer', [head], this.#now)
    const ask = this.#out.drain().find((effect) => effect.type === 'ask') as Effect & { type: 'ask' }
    this.#beacons.arrived(ask.ticket, [document], this.#now)
    if (this.#counter() !== before || this.#self.time.bound !== bound)
      throw new Violation('a beacon counts before it is on disk')
    this.#write()
    if (refused !== this.#refused && this.#kept() !== kept)
      throw new Violation('a beacon that was refused changes what is held')
    if (this.#counter() < before) throw new Violation('the counter of the newest beacon fell')
    if (this.#self.time.bound < bound) throw new Violation('the bound on time fell')
    return this.#counter() > before
  }

  #write(): void {
    for (const effect of this.#out.drain()) {
      if (effect.type !== 'persist') continue
      for (const change of effect.changes) {
        if (change.type === 'beacon') this.#disk.beacon = change.beacon
        if (change.type === 'beaconFloor') this.#disk.floor = change.floor
        if (change.type === 'timeBound') this.#disk.bound = change.time
      }
      this.#beacons.persisted(effect.ticket, this.#now)
      this.#write()
    }
  }

  check(): void {
    const { newest } = this.#beacons
    if (newest !== undefined && !GENUINE.has(newest.hash))
      throw new Violation('a beacon counts that too few have signed')
    const latest = Math.max(NOW, newest?.signed.time ?? 0)
    if (this.#self.time.bound !== latest) throw new Violation('time is proven by a beacon that does not count')
    const documents = this.#beacons.documents()
    if (documents.length > role.keyIds.length + 1) throw new Violation('more beacons are kept than the role has keys')
    for (const { signatures, signedBytes } of documents)
      for (const { keyId, signature } of signatures) {
        const key = KEYS.get(keyId)
        if (key === undefined || !env.verifyStrict(key, signedBytes, signature))
          throw new Violation('a signature is passed on that is wrong, or of no key of the role')
      }
  }

  #text(): string {
    return `${this.#beacons.newest?.hash} ${this.#self.time.bound}`
  }

  #counter(): number {
    return this.#beacons.newest?.signed.counter ?? 0
  }

  #kept(): string {
    return this.#beacons
      .documents()
      .map(({ hash, signatures }) => `${hash} ${signatures.length}`)
      .join()
  }
}

export const beaconTarget: Target = {
  ...target('beacon', COUNTING, {
    cap: limits.beaconBytes,
    parse: parseBeacon,
    judge(document) {
      const held = new Held()
      const isTaken = held.take(document)
      held.check()
      return isTaken ? 'accepted' : undefined
    },
  }),
  generate: mutations(SAMPLES, limits.beaconBytes, FEW),
}

/** With a restart in the middle: what was accepted before it is not accepted again. */
export const beaconsTarget: Target = {
  name: 'beacons',
  generate: rows(SAMPLES, mutations(SAMPLES, 0, FEW)),
  run(input) {
    let [held, taken] = [new Held(), 0]
    for (const [at, part] of partsOf(input).entries()) {
      const outcome = parsed(() => parseBeacon(part))
      if ('value' in outcome && held.take(outcome.value)) taken += 1
      if (at === 3) held = held.restarted()
    }
    held.check()
    return taken > 0 ? 'accepted' : 'refused'
  },
}
