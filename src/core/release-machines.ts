// The machines between a publisher and what is installed here, wired together: a part of machines.ts.
import type { Env, Millis } from './env.ts'
import type { View } from './fleet/view.ts'
import type { Book } from './links/book.ts'
import type { Links } from './links/links.ts'
import type { MachineFacts, NodeSetup } from './machines.ts'
import type { Outbox } from './outbox.ts'
import { Releases } from './releases.ts'
import { LocalPolicy } from './rollout/policy.ts'
import { Rollout } from './rollout/rollout.ts'
import type { Subject } from './rollout/subject.ts'
import type { Self } from './self.ts'
import { Directory } from './swarm/directory.ts'
import { Swarm } from './swarm/swarm.ts'
import { announcementTopic } from './topics.ts'
import { Announcing } from './trust/announcing.ts'
import { Beacons } from './trust/beacons.ts'
import type { Refusals } from './trust/refusals.ts'
import type { StatementKeeper } from './trust/statement-keeper.ts'
import { TargetsKeeper } from './trust/targets-keeper.ts'
import type { Watch } from './trust/watch.ts'

interface Parts {
  env: Env
  out: Outbox
  self: Self
  links: Links
  book: Book
  view: View
  refusals: Refusals
  statements: StatementKeeper
  watch: Watch
  /** Others can dial this node from outside. */
  isOpen: () => boolean
}

export function composeReleases(parts: Parts, setup: NodeSetup, now: Millis): Releases {
  const { env, out, self, links, book, view, refusals, statements, watch, isOpen } = parts
  const targets = new TargetsKeeper({ env, out, self, watch }, setup.publishers.targets, targetsFloorsOf(setup))
  const topic = announcementTopic(self.mesh8)
  // What came in force is looked at, and what was handed in with it is served, in the same step.
  const isStale = () => beacons.isStale
  const judged = { env, out, self, targets, refusals, watch, topic, isStale }
  const announcing: Announcing = new Announcing(judged, setup.publishers, {
    accepted: (at) => rollout.changed(at),
    imported: (encoding, list, at) => swarm.imported(encoding, list, at),
  })
  const vector = () => announcing.vector()
  const beacons: Beacons = new Beacons({ env, out, self, refusals, topic, vector }, savedBeaconOf(setup), now)
  const members = () => Math.max(1, view.members())
  const directory = new Directory({ env, out, self, links, book, members, isOpen }, setup.directory ?? true)
  const carried = { env, out, self, links, book, view, refusals, directory, isOpen, ...budgetsOf(setup) }
  const swarm = new Swarm(carried, setup.artifacts, now)
  const subject = subjectOf(self, setup.facts)
  const policy = new LocalPolicy({ self, statements })
  const { mirror, installs } = setup
  const rollout: Rollout = new Rollout(
    { env, out, self, targets, announcing, swarm, subject, policy, mirror },
    installs,
  )
  return new Releases({ out, self, topic, targets, announcing, beacons, swarm, directory, rollout })
}

function budgetsOf({ allowance = {}, usage, cache }: NodeSetup) {
  return { allowance, usage, ...(cache && { cache }) }
}

/** That of the invite, and that of what was accepted since. */
function targetsFloorsOf({ publishers, ...invite }: NodeSetup): { version: number; epoch: number | undefined }[] {
  const floors = [invite, publishers]
  return floors.map(({ targetsFloor: version, targetsFloorEpoch: epoch }) => ({ version, epoch }))
}

function savedBeaconOf({ publishers: { beacon, beaconFloor: floor }, beaconKey: keyId }: NodeSetup) {
  return { beacon, floor, keyId }
}

/** What selectors may say of this node. */
function subjectOf({ node, zone, membership }: Self, facts: MachineFacts): Subject {
  const { labels } = membership.invite.signed
  return { node, name: membership.claims.name, zone, labels, ...facts }
}
