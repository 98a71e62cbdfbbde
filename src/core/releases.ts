// Releases: everything between a publisher and what is installed here, as one machine of the node: targets, announcements, the swarm
// and the rollout. What came in force is acted upon in the same step.
import { earliest } from './earliest.ts'
import type { Millis, NodeId } from './env.ts'
import type { Input, Ticket } from './events.ts'
import type { MetricValues } from './fleet/metrics.ts'
import type { Outbox } from './outbox.ts'
import type { Rollout } from './rollout/rollout.ts'
import type { Self } from './self.ts'
import type { Directory, Told } from './swarm/directory.ts'
import type { Sources } from './swarm/progress.ts'
import type { Spare } from './swarm/spare.ts'
import type { Swarm } from './swarm/swarm.ts'
import type { PathFloor, Release } from './trust/announcement.ts'
import type { Announcing } from './trust/announcing.ts'
import { BEACON_ROLE } from './trust/beacon.ts'
import type { Beacons } from './trust/beacons.ts'
import type { TargetsDocument } from './trust/documents.ts'
import type { Freshness } from './trust/freshness.ts'
import type { TargetsFloor, TargetsKeeper } from './trust/targets-keeper.ts'

/** What this node knows of a release beyond the announcement; `selected` is undefined for an operator's peer. */
export interface ReleaseHere {
  selected: boolean | undefined
  state: ReturnType<Rollout['stateOf']>
  progress: ReturnType<Swarm['progress']>
  /** Bytes that a patch saved; undefined when it came whole. */
  saved: number | undefined
  /** Of all its encodings: one may come after the other, when a patch was of no use. */
  came: Sources
}

/** Inputs that have to do with announcements, pieces and installations. */
export type ReleaseInput = Extract<
  Input,
  {
    type:
      | 'headHeard'
      | 'submitted'
      | 'delegated'
      | 'beaconSigned'
      | 'piecesOpened'
      | 'piecesClosed'
      | 'pieceMessage'
      | 'artifactPrepared'
      | 'pieceKept'
      | 'pieceServed'
      | 'artifactSynced'
      | 'artifactFailed'
      | 'installStepped'
      | 'directoryFound'
      | 'directoryProvided'
  }
>

interface Parts {
  out: Outbox
  self: Self
  /** The gossip topic of heads. */
  topic: string
  targets: TargetsKeeper
  announcing: Announcing
  beacons: Beacons
  swarm: Swarm
  directory: Directory
  rollout: Rollout
}

export class Releases {
  readonly targets: TargetsKeeper
  readonly announcing: Announcing
  readonly beacons: Beacons
  readonly swarm: Swarm
  readonly #directory: Directory
  readonly #rollout: Rollout
  readonly #out: Outbox
  readonly #self: Self
  readonly #topic: string
  /** Targets came in force that peers may not know of. */
  #untold = false

  constructor(parts: Parts) {
    this.targets = parts.targets
    this.announcing = parts.announcing
    this.beacons = parts.beacons
    this.swarm = parts.swarm
    this.#directory = parts.directory
    this.#rollout = parts.rollout
    this.#out = parts.out
    this.#self = parts.self
    this.#topic = parts.topic
  }

  /** Listens for heads, and goes on with what earlier runs began. */
  start(now: Millis): void {
    this.#out.emit({ type: 'subscribe', topic: this.#topic })
    this.#rollout.changed(now)
  }

  handle(input: ReleaseInput, now: Millis): void {
    const { announcing, beacons, swarm } = this
    switch (input.type) {
      case 'headHeard':
        return (input.head.role === BEACON_ROLE ? beacons : announcing).heard(
          ...([input.ticket, input.from, input.topic, input.head, now] as const),
        )
      case 'beaconSigned':
        return beacons.signed(input.beacon)
      case 'submitted':
        return announcing.submitted(input.ticket, input, now)
      case 'delegated':
        return announcing.delegated(input.ticket, input.targets, now)
      case 'piecesOpened':
        return swarm.opened(input.peer, now)
      case 'piecesClosed':
        return swarm.closed(input.peer, now)
      case 'pieceMessage':
        return swarm.message(input.peer, input.message, now)
      case 'artifactPrepared':
        return swarm.prepared(input.ticket, input.have, now)
      case 'pieceKept':
        return swarm.kept(input.ticket, now)
      case 'pieceServed':
        return swarm.served(input.ticket, input.problem, now)
      case 'artifactSynced':
        return swarm.synced(input.ticket, now)
      case 'artifactFailed':
        return swarm.failed(input.ticket, input.problem, now)
      case 'installStepped':
        return this.#rollout.stepped(input.ticket, input.problem, now)
      case 'directoryFound':
        return this.#named(input.ticket, input.providers, now)
      case 'directoryProvided':
        return this.#directory.told(input.ticket, input.servers, now)
    }
  }

  #named(ticket: Ticket, providers: readonly Told[], now: Millis): void {
    const encoding = this.#directory.found(ticket, providers)
    if (encoding !== undefined) this.swarm.named(encoding, now)
  }

  /** The board was looked at: it may be too hot to go on. */
  sampled(metrics: MetricValues, now: Millis): void {
    this.swarm.sampled(metrics, now)
  }

  /** The node is about to stop. */
  save(now: Millis): void {
    this.swarm.save(now)
  }

  /** What fetching and serving may take, and take. */
  budgets(now: Millis): ReturnType<Swarm['budgets']> {
    return this.swarm.budgets(now)
  }

  /** What the owner of the zone lets in may have changed. */
  policyChanged(now: Millis): void {
    this.#rollout.changed(now)
  }

  /** The clock was read, or more is known of time: what may be installed may have changed. */
  timeChanged(now: Millis): void {
    if (this.announcing.takeVerdicts()) this.#rollout.changed(now)
    this.swarm.timeChanged(now)
  }

  /** What is due by now. True when the state of a release changed here: others want to know. */
  check(now: Millis): boolean {
    this.announcing.check(now)
    if (this.beacons.check(now)) this.timeChanged(now)
    this.swarm.check(now)
    this.#directory.check(now)
    this.#rollout.check(now)
    return this.#rollout.takeChanged()
  }

  deadline(): Millis | undefined {
    const { announcing, beacons, swarm } = this
    const [directory, rollout] = [this.#directory.deadline(), this.#rollout.deadline()]
    return earliest(announcing.deadline(), beacons.deadline(), swarm.deadline(), directory, rollout)
  }

  /** This machine slept so long: nobody is to blame that nothing came in that time. */
  forgive(gap: Millis): void {
    this.swarm.forgive(gap)
    this.beacons.forgive(gap)
  }

  linked(peer: NodeId, now: Millis): void {
    this.swarm.linked(peer, now)
  }

  /** The link with a peer goes on over another path. */
  moved(peer: NodeId, now: Millis): void {
    this.swarm.moved(peer, now)
  }

  unlinked(peer: NodeId, now: Millis): void {
    this.announcing.unlinked(peer)
    this.beacons.unlinked(peer)
    this.swarm.unlinked(peer, now)
  }

  /** Another root is in force: who may delegate is judged again, and with it everything below. */
  rootChanged(now: Millis): void {
    this.targets.rootChanged()
    this.beacons.rootChanged(now)
    this.announcing.targetsChanged(now)
  }

  persisted(ticket: Ticket, now: Millis): void {
    if (this.targets.persisted(ticket, now)) {
      this.#untold = true
      this.announcing.targetsChanged(now)
    }
    this.announcing.persisted(ticket, now)
    this.beacons.persisted(ticket, now)
    this.swarm.persisted(ticket, now)
    this.#rollout.persisted(ticket, now)
  }

  /**
   * True once after targets came in force, when everybody who is linked is to be told: they want to know at once whose keys count.
   * Where a head that only these targets explain is passed on, whoever lacks them asks by itself (clause GREETING 4).
   */
  takeUntold(): boolean {
    const carried = this.#untold ? this.announcing.carriesTargets : 'open'
    if (carried === 'open') return false
    this.#untold = false
    return carried === 'no'
  }

  persistFailed(ticket: Ticket, now: Millis): void {
    this.targets.persistFailed(ticket)
    this.announcing.persistFailed(ticket, now)
    this.beacons.persistFailed(ticket)
    this.swarm.persistFailed(ticket, now)
    this.#rollout.persistFailed(ticket, now)
  }

  /** What is held of the publishers. */
  publishers(): {
    targets: TargetsDocument | undefined
    /** In force or not; and nothing older ever is. */
    newestTargets: TargetsDocument | undefined
    targetsFloor: TargetsFloor
    current: ReturnType<Announcing['current']>
    pathFloors: readonly PathFloor[]
  } {
    const { targets, announcing } = this
    const { current: inForce, newest: newestTargets, floor: targetsFloor } = targets
    return {
      ...{ targets: inForce, newestTargets, targetsFloor },
      ...{ current: announcing.current(), pathFloors: announcing.pathFloors() },
    }
  }

  /** Whether it can be said that nothing newer is withheld from this node. */
  freshness(now: Millis): Freshness {
    return this.beacons.freshness(now)
  }

  /** Whether this node has all of an encoding (hex hash). */
  has(encoding: string): boolean {
    return this.swarm.isComplete(encoding)
  }

  /** Whether pieces of this encoding (hex hash) are held or fetched here. */
  holds(encoding: string): boolean {
    return this.swarm.progress(encoding) !== undefined
  }

  /** What is kept for others alone. */
  get spare(): Pick<Spare, 'cached'> {
    return this.swarm.spare
  }

  /** What a release has come to here. */
  release(release: Release): ReleaseHere {
    const isNode = this.#self.isNode
    return {
      selected: isNode ? this.#rollout.selected(release) : undefined,
      state: this.#rollout.stateOf(release.hash) ?? this.#rollout.stateOf(release.withdraws ?? ''),
      progress: this.#progressOf(release),
      saved: this.#rollout.savedOf(release.hash),
      came: this.#cameOf(release),
    }
  }

  #cameOf({ encodings }: Release): Sources {
    const all = encodings.flatMap(({ hash }) => this.swarm.progress(hash)?.came ?? [])
    const sum = (from: keyof Sources) => all.reduce((bytes, came) => bytes + came[from], 0)
    return { site: sum('site'), members: sum('members'), publisher: sum('publisher') }
  }

  /** Of the encoding that is nearest to being whole here; of several the one that is no patch, which others may need more. */
  #progressOf({ encodings }: Release): ReleaseHere['progress'] {
    const last = encodings.toSorted((a, b) => Number(a.base !== undefined) - Number(b.base !== undefined))
    const all = last.flatMap(({ hash }) => this.swarm.progress(hash) ?? [])
    const share = ({ bytes, totalBytes }: (typeof all)[number]) => bytes / totalBytes
    return all.reduce<ReleaseHere['progress']>(
      (best, one) => (best && share(best) >= share(one) ? best : one),
      undefined,
    )
  }

  /** Sizes of what could grow, for invariant checks. */
  sizes(): { heads: number; installs: number; directory: number } & ReturnType<Swarm['sizes']> {
    return {
      heads: Math.max(this.announcing.size, this.beacons.size),
      installs: this.#rollout.size,
      directory: this.#directory.size,
      ...this.swarm.sizes(),
    }
  }
}
