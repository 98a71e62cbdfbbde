// Acceptance E3: a node that is killed again and again while it fetches always completes, and fetches no verified piece twice. What
// it has is read from its disk between two of its lives; what it was given is counted on the only line that leads to it. All that
// time a reader finds a whole version under `current`: the old one until the switch, the new one from then on.
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { limits, SECOND } from '../../src/core/limits.ts'
import { Fleet } from './fleet.ts'
import { Line } from './line.ts'
import { committed, heldBy, initMesh, inUse, MIB, piecesOnDisk, publish, randomArtifact } from './releases.ts'

const ZONE = '/e2e/north'
const PROVIDER = 'provider'
const VICTIM = 'victim'
const SEED = 3
const KILLS = 20
/** One in so many kills falls into the start of the daemon, before it has anybody to ask; the others into the download. */
const EARLY = 4
/** Of a download, in bytes on the line: all lives together carry less than the artifact, so it lasts until the last one. */
const CARRIED_MIN = 0.4 * MIB
const CARRIED_MAX = 4 * MIB
/** After the start of a daemon, in ms: it reads its state and hashes its pieces then. */
const EARLY_MAX = 700
/** What a life costs the line beside pieces: the gate, hellos, the piece list, records; and what frames add to the pieces. */
const OVERHEAD = 0.1 * MIB
const FRAMES = 1.002
/** A kill loses at most what was asked for and not yet written. */
const IN_FLIGHT = limits.requestsPerPeer * limits.pieceBytesMin

const old = randomArtifact(64 * 1_024)
const next = randomArtifact(48 * MIB)
const random = seeded(SEED)
let fleet: Fleet
let line: Line
beforeAll(async () => {
  fleet = await Fleet.make()
  line = await Line.make()
  await initMesh(fleet)
  const first = await fleet.invite(ZONE, '--first')
  await fleet.prepare(PROVIDER)
  line.leadsTo(fleet.port(PROVIDER))
  await fleet.add(PROVIDER, first, 'up', { extra: `announce = ["${line.address}"]` })
  const token = await fleet.invite(ZONE, '--via', await fleet.address(PROVIDER))
  await fleet.add(VICTIM, token, 'up', { listens: false })
  await fleet.until('the two are linked', 30 * SECOND, async () => {
    return (await fleet.client(PROVIDER).status()).links.length === 1
  })
  await publish(fleet, PROVIDER, old, 'true')
  await committed(fleet, VICTIM, old, 30 * SECOND)
})
afterAll(async () => {
  await fleet?.dispose()
  await line?.close()
})

/** One life of the victim that ended by a kill. */
interface Life {
  /** Bytes that the line carried to it. */
  carried: number
  /** Right pieces on its disk when it was dead, and those of them that had not been there before. */
  pieces: number
  gained: number
}

describe(`a node that is killed at ${KILLS} moments of its download (seed ${SEED})`, () => {
  it('completes it, fetches no verified piece twice, and has the old version in use until the switch', async () => {
    const reader = new Reader()
    line.hold()
    await publish(fleet, PROVIDER, next, 'true')
    const lives: Life[] = []
    for (let had = new Set<number>(); lives.length < KILLS; ) {
      const before = line.carried
      const early = lives.length % EARLY === EARLY - 1
      if (early) await killEarly()
      else await killInDownload(had)
      const has = await piecesOnDisk(fleet, VICTIM, next)
      for (const piece of had) expect(has, `piece ${piece} that was on the disk`).toContain(piece)
      lives.push({ carried: line.carried - before, pieces: has.size, gained: has.size - had.size })
      had = has
    }
    const before = line.carried
    const held = lives.at(-1)?.pieces ?? 0
    await restartedWith(held)
    line.open()
    await committed(fleet, VICTIM, next, 60 * SECOND)
    // A single piece too many would show.
    expect(worthOf(total - held) - (total - held) * limits.pieceBytesMin).toBeLessThan(limits.pieceBytesMin)
    expect(line.carried - before, 'carried in the last life').toBeLessThan(worthOf(total - held))
    await reader.stop()

    for (const { carried, gained } of lives)
      expect(carried, 'carried in one life').toBeLessThan(worthOf(gained) + IN_FLIGHT)
    const inTheMiddle = lives.filter(({ pieces, gained }) => gained > 0 && pieces < total)
    expect(inTheMiddle.length, JSON.stringify(lives)).toBeGreaterThanOrEqual(KILLS / 2)
    expect(reader.seen).toEqual([old.hash, next.hash])
    expect(reader.looks).toBeGreaterThan(KILLS)
  }, 180_000)

  const total = next.bytes.length / limits.pieceBytesMin
  const worthOf = (pieces: number) => pieces * limits.pieceBytesMin * FRAMES + OVERHEAD

  /** Killed when so many bytes came; it knew all that earlier lives had, before it could ask anybody. */
  async function killInDownload(had: ReadonlySet<number>): Promise<void> {
    await restartedWith(had.size)
    await line.carry(Math.round(CARRIED_MIN + random() * (CARRIED_MAX - CARRIED_MIN)))
    await fleet.stop(VICTIM, 'SIGKILL')
  }

  async function killEarly(): Promise<void> {
    line.hold()
    fleet.launch(VICTIM)
    await pause(random() * EARLY_MAX)
    await fleet.stop(VICTIM, 'SIGKILL')
  }

  /** The victim runs, nothing comes to it yet, and it holds exactly so many pieces. */
  async function restartedWith(pieces: number): Promise<void> {
    if (pieces === 0 && (await fleet.answers(VICTIM))) return
    line.hold()
    await fleet.start(VICTIM)
    await fleet.until(`${VICTIM} knows its ${pieces} pieces`, 30 * SECOND, async () => {
      return (await heldBy(fleet, VICTIM, next)) === pieces * limits.pieceBytesMin
    })
  }
})

describe('a node that serves', () => {
  it('ends at once when it is told to, though nobody reads what it sends', async () => {
    const enough = line.carry(4 * MIB)
    await publish(fleet, PROVIDER, randomArtifact(12 * MIB), 'true')
    await enough
    const { status, err } = await fleet.stop(PROVIDER, 'SIGTERM')
    expect(err).toMatch(/said goodbye to the mesh \(1 linked\)\n$/)
    expect(status).toBe(0)
  })
})

/** Looks again and again at what is in use. */
class Reader {
  /** What was found, each when it was not what had been found before. */
  readonly seen: (string | undefined)[] = []
  looks = 0
  #stopped = false
  readonly #ended = this.#read()

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#ended
  }

  async #read(): Promise<void> {
    while (!this.#stopped) {
      const found = await inUse(fleet, VICTIM)
      if (found !== this.seen.at(-1)) this.seen.push(found)
      this.looks += 1
      await pause(50)
    }
  }
}

/** mulberry32: numbers in [0, 1). */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}
