// Supply: what the swarm is to hold and to fetch for the releases of this node, and what its troubles mean for them.
import type { Millis } from '../env.ts'
import { type Pause, pauseText } from '../swarm/budgets.ts'
import type { Wanted } from '../swarm/download.ts'
import type { ArtifactProblem } from '../swarm/messages.ts'
import type { Progress } from '../swarm/progress.ts'
import type { Swarm } from '../swarm/swarm.ts'
import type { Encoding, Release } from '../trust/announcement.ts'
import type { InstallProblem } from './states.ts'

/** What rollout needs of the swarm. */
export type Fetches = Pick<Swarm, 'want' | 'unwant' | 'keep' | 'isComplete' | 'doubted'> & {
  spare: Pick<Swarm['spare'], 'makeSpace'>
  progress(encoding: string): Pick<Progress, 'bytes' | 'totalBytes' | 'problem' | 'came'> | undefined
}

/** One encoding of a release. */
export interface Need {
  release: Release
  encoding: Encoding
  /** Its release may not go on now: what is here of it stays, and no more is fetched. */
  held?: boolean
}

export class Supply {
  readonly #swarm: Fetches
  /** Every encoding of every release is fetched, not only what is asked for. */
  readonly #mirror: boolean

  constructor(swarm: Fetches, mirror: boolean) {
    this.#swarm = swarm
    this.#mirror = mirror
  }

  /**
   * Lets the swarm hold all that is announced or was until its role changed, and what is on its way here although it is neither.
   * What is on its way comes first: it is what there must be room for. Only what is announced now is ever fetched for others, and
   * what is not asked for any more is not fetched any longer.
   * @param held the releases of all announcements that are held, those in force among them and first.
   */
  keep(underway: readonly Need[], announced: readonly Release[], held: readonly Release[], now: Millis): void {
    const offered = needsOf(announced)
    const kept = new Map<string, Encoding>()
    for (const { encoding } of [...underway, ...offered, ...needsOf(held)]) {
      if (!kept.has(encoding.hash)) kept.set(encoding.hash, encoding)
    }
    this.#swarm.keep(
      kept,
      now,
      offered.map((need) => wantedOf(need, 0)),
    )
    const wanted = [...underway.filter(({ held }) => !held), ...(this.#mirror ? offered : [])]
    const isWanted = new Set(wanted.map(({ encoding }) => encoding.hash))
    for (const hash of kept.keys()) if (!isWanted.has(hash)) this.#swarm.unwant(hash, now)
    for (const need of wanted) this.fetch(need, now)
  }

  fetch(need: Need, now: Millis): void {
    this.#swarm.want(wantedOf(need, need.release.artifact.length), now)
  }

  /** An installation has to have so many bytes more: what is kept for others goes for it. */
  makeSpace(bytes: number, now: Millis): void {
    this.#swarm.spare.makeSpace(bytes, now)
  }

  /** @param encoding hex hash, here and below */
  isComplete(encoding: string): boolean {
    return this.#swarm.isComplete(encoding)
  }

  /** Why nothing comes; undefined when nothing is wrong. */
  problemOf(encoding: string): InstallProblem | undefined {
    const problem = this.#swarm.progress(encoding)?.problem
    if (problem === undefined) return undefined
    if (problem !== 'noProvider')
      return problem.code === 'paused' ? pauseProblem(problem.pause) : installProblem(problem)
    return { reason: 'noProvider', detail: 'nobody who can be reached has the pieces that are missing' }
  }

  /** How much of it is here, 0..100. */
  percentOf(encoding: string): number {
    const progress = this.#swarm.progress(encoding)
    return progress === undefined ? 0 : Math.floor((100 * progress.bytes) / progress.totalBytes)
  }

  /** Of the bytes of these encodings that came, the part over the LAN or from others than those that had them first, 0..100; undefined when none came. */
  peersOf(encodings: readonly string[]): number | undefined {
    const came = encodings.flatMap((hash) => this.#swarm.progress(hash)?.came ?? [])
    const peers = came.reduce((sum, { site, members }) => sum + site + members, 0)
    const all = came.reduce((sum, { publisher }) => sum + publisher, peers)
    return all === 0 ? undefined : Math.floor((100 * peers) / all)
  }

  /** It could not be unpacked, and a disk is to blame: its bytes are hashed again before they are used. */
  doubt(encoding: string, detail: string, now: Millis): void {
    this.#swarm.doubted(encoding, detail, now)
  }
}

/** @param decoded bytes that unpacking it will need here */
function wantedOf({ release: { hash, origin }, encoding }: Need, decoded: number): Wanted {
  return { encoding, release8: hash.slice(0, 16), origin, decoded }
}

function needsOf(releases: readonly Release[]): Need[] {
  return releases.flatMap((release) => release.encodings.map((encoding) => ({ release, encoding })))
}

const PAUSES = {
  month: 'pausedMonth',
  hours: 'pausedHours',
  clock: 'pausedHours',
  hot: 'pausedHot',
  throttled: 'pausedHot',
} as const

function pauseProblem(pause: Pause): InstallProblem {
  return { reason: PAUSES[pause.why], detail: pauseText(pause) }
}

function installProblem(problem: ArtifactProblem): InstallProblem {
  switch (problem.code) {
    case 'diskFull': {
      const { missing } = problem
      return {
        reason: 'diskFull',
        detail: `the disk is full: ${missing} bytes more are needed; it goes on when there is space`,
        missing,
      }
    }
    case 'notWritable':
      return { reason: 'notWritable', detail: problem.detail }
    case 'corrupt':
    case 'ioError':
      return { reason: 'ioError', detail: problem.detail }
  }
}
