// A daemon that dies again and again, for acceptance C6: each life completes what the one before it could not, and is killed at the
// next thing that the next release does to its disk. The daemon is the bundle as it is, with a killer loaded beside it.
import { existsSync } from 'node:fs'
import { readdir, readFile, rm } from 'node:fs/promises'
import { expect } from 'vitest'
import { limits, SECOND } from '../../src/core/limits.ts'
import type { Encoding } from '../../src/core/trust/announcement.ts'
import { Fleet } from '../e2e/fleet.ts'
import {
  type Artifact,
  committed,
  initMesh,
  inUse,
  PATH,
  publishQuickly,
  releaseAt,
  rightPieces,
} from '../e2e/releases.ts'
import type { Orders } from './release-killer.ts'

const ZONE = '/t30/north'
const PROVIDER = 'provider'
const VICTIM = 'victim'
const KILLER = new URL('./release-killer.ts', import.meta.url).href
const BOUND = 120 * SECOND
const [TRACE, COMPLETED] = ['trace', 'completed']

export interface Story {
  /** What is published after `before`. */
  next: (before: Artifact) => Artifact
  /** Whether it travels as a patch from that, too. */
  patched: boolean
  /** At which things it dies, as a regular expression for their names (release-killer.ts). */
  meant: RegExp
}

/** A release, and the encoding that the victim fetches. */
interface Published {
  artifact: Artifact
  counter: number
  whole: Encoding
  fetched: Encoding
}

export class Lives {
  readonly #fleet: Fleet
  readonly #story: Story
  #newest: Published
  /** In use when the newest one is published. */
  #before: Published
  /** Pieces of the newest one that are not right on the disk. */
  #missing: number[] = []

  private constructor(fleet: Fleet, story: Story, [before, newest]: [Published, Published]) {
    this.#fleet = fleet
    this.#story = story
    this.#before = before
    this.#newest = newest
  }

  /** A provider, and a victim that has two versions, so that there is one to remove when the third comes. */
  static async begin(first: Artifact, story: Story): Promise<Lives> {
    const fleet = await Fleet.make()
    try {
      await initMesh(fleet)
      await fleet.add(PROVIDER, await fleet.invite(ZONE, '--first'))
      await fleet.add(VICTIM, await fleet.invite(ZONE, '--via', await fleet.address(PROVIDER)))
      const before = await publish(fleet, first)
      await committed(fleet, VICTIM, first, BOUND)
      const newest = await publish(fleet, story.next(first), story.patched ? first : undefined)
      const lives = new Lives(fleet, story, [before, newest])
      await committed(fleet, VICTIM, newest.artifact, BOUND)
      await lives.#isTidy()
      await fleet.stop(VICTIM, 'SIGTERM')
      return lives
    } catch (error) {
      await fleet.dispose()
      throw error
    }
  }

  dispose(): Promise<void> {
    return this.#fleet.dispose()
  }

  /** What a life does to the disk that dies of nothing. */
  async all(): Promise<string[]> {
    expect((await this.live('nothing')).isKilled).toBe(false)
    return await this.#lines(TRACE)
  }

  /**
   * A life that first completes what the one before it could not, and fetches no right piece of it again; then it dies, or completes
   * the next release as well. Never is anything else in use than that one or the one before it, whole.
   */
  async live(at: string): Promise<{ isKilled: boolean; inUse: 'old' | 'new' }> {
    await this.#start(at)
    await committed(this.#fleet, VICTIM, this.#newest.artifact, BOUND)
    await this.#isTidy()
    const again = (await this.#lines(COMPLETED)).map((position) => Number(position) / limits.pieceBytesMin)
    expect(
      again.toSorted((a, b) => a - b),
      `fetched again before "${at}"`,
    ).toEqual(this.#missing)
    if (this.#story.patched) expect(this.#holds(this.#newest.whole), 'the whole was fetched').toBe(false)
    this.#before = this.#newest
    const next = this.#story.next(this.#before.artifact)
    this.#newest = await publish(this.#fleet, next, this.#story.patched ? this.#before.artifact : undefined)
    const isKilled = await this.#ends()
    if (isKilled) expect((await this.#lines(TRACE)).at(-1)).toBe(at)
    this.#missing = await this.#missingPieces()
    const found = await inUse(this.#fleet, VICTIM)
    expect([this.#before.artifact.hash, next.hash], `after "${at}"`).toContain(found)
    return { isKilled, inUse: found === next.hash ? 'new' : 'old' }
  }

  async #start(at: string): Promise<void> {
    const fleet = this.#fleet
    for (const name of [TRACE, COMPLETED]) await rm(fleet.path(name), { force: true })
    const orders: Orders = {
      folder: fleet.path(VICTIM),
      counter: this.#newest.counter + 1,
      meant: this.#story.meant.source,
      at,
      before: this.#newest.fetched.hash,
      trace: fleet.path(TRACE),
      completed: fleet.path(COMPLETED),
    }
    const env = { NODE_OPTIONS: `--import ${KILLER}`, KILLER_ORDERS: JSON.stringify(orders) }
    fleet.launch(VICTIM, 'up', { env })
    await fleet.until(`${VICTIM} answers and is linked`, BOUND, async () => {
      return (await fleet.answers(VICTIM)) && (await fleet.client(PROVIDER).status()).links.length > 0
    })
  }

  /** True when it was killed; or it has the newest release in use, and all is tidy. */
  async #ends(): Promise<boolean> {
    const fleet = this.#fleet
    const { child, ended } = fleet.running(VICTIM)
    const isDead = () => child.exitCode !== null || child.signalCode !== null
    await fleet.until('it dies or completes', BOUND, async () => {
      if (isDead()) return true
      const release = await releaseAt(fleet, VICTIM).catch(() => undefined)
      return release?.artifact.hash === this.#newest.artifact.hash && release.here?.state === 'committed'
    })
    // It may still die of what it tidies up.
    await this.#isTidy(isDead)
    if (!isDead()) return (await fleet.stop(VICTIM, 'SIGTERM')).signal === 'SIGKILL'
    expect(await ended).toMatchObject({ signal: 'SIGKILL' })
    return true
  }

  /** Waits until of the releases before the newest only one is left, or the daemon is. */
  async #isTidy(unless: () => boolean = () => false): Promise<void> {
    const { counter } = this.#newest
    const tidy = ['.previous', 'current', `${counter}`, `${counter - 1}`].sort().join()
    await this.#fleet.until('all is tidy', BOUND, async () => {
      if (unless()) return true
      const names = await readdir(this.#fleet.path(VICTIM, 'installed', PATH))
      return (
        names
          .map((name) => name.replace(/-[0-9a-f]{16}$/, ''))
          .sort()
          .join() === tidy
      )
    })
  }

  async #missingPieces(): Promise<number[]> {
    const { hash, length } = this.#newest.fetched
    const [file, bytes] = [this.#fileOf(VICTIM, hash), this.#fileOf(PROVIDER, hash)]
    const right = existsSync(file) ? rightPieces(await readFile(file), await readFile(bytes)) : new Set()
    const pieces = Math.ceil(length / limits.pieceBytesMin)
    return Array.from({ length: pieces }, (_, index) => index).filter((index) => !right.has(index))
  }

  #holds({ hash }: Encoding): boolean {
    return existsSync(this.#fileOf(VICTIM, hash))
  }

  #fileOf(name: string, hash: string): string {
    return this.#fleet.path(name, 'artifacts', hash)
  }

  async #lines(name: string): Promise<string[]> {
    const text = await readFile(this.#fleet.path(name), 'utf8').catch(() => '')
    return text.split('\n').filter((line) => line !== '')
  }
}

async function publish(fleet: Fleet, artifact: Artifact, from?: Artifact): Promise<Published> {
  const { counter, encodings } = await publishQuickly(fleet, PROVIDER, artifact, `name == "${VICTIM}"`, from)
  const [whole, patch] = encodings as [Encoding, Encoding | undefined]
  return { artifact, counter, whole, fetched: patch ?? whole }
}
