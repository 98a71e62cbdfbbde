// The machines by which publishers, and the releases that they announce, come to a node, wired together: a part of machines.ts.
import type { Env, Millis } from './env.ts'
import type { View } from './fleet/view.ts'
import type { Book } from './links/book.ts'
import type { Links } from './links/links.ts'
import type { Reach } from './links/reach.ts'
import type { Outbox } from './outbox.ts'
import { Releases } from './releases.ts'
import { LocalPolicy } from './rollout/policy.ts'
import { Rollout } from './rollout/rollout.ts'
import type { Subject } from './rollout/subject.ts'
import type { Self } from './self.ts'
import type { MachineFacts, NodeSetup } from './setup.ts'
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
  refusals: Refusals
  watch: Watch
  links: Links
  book: Book
  view: View
  reach: Reach
  statements: StatementKeeper
}

export type Publishing = ReturnType<typeof composePublishing>

export function composePublishing(parts: Parts, setup: NodeSetup, now: Millis) {
  const { env, out, self, refusals, watch, links, book, view, reach, statements } = parts
  const targets = new TargetsKeeper({ env, out, self, watch }, setup.publishers.targets, targetsFloorsOf(setup))
  const heads = announcementTopic(self.mesh8)
  // What came in force is looked at, and what was handed in with it is served, in the same step.
  const isStale = () => beacons.isStale
  const heard = { env, out, self, targets, refusals, watch, topic: heads, isStale }
  const announcing: Announcing = new Announcing(heard, setup.publishers, {
    accepted: (at) => rollout.changed(at),
    imported: (encoding, list, at) => swarm.imported(encoding, list, at),
  })
  const vector = () => announcing.vector()
  const beacons: Beacons = new Beacons({ env, out, self, refusals, topic: heads, vector }, savedBeaconOf(setup), now)
  const isOpen = () => reach.isOpen || reach.offers
  const members = () => Math.max(1, view.members())
  const directory = new Directory({ env, out, self, links, book, members, isOpen }, setup.directory ?? true)
  const carried = { env, out, self, links, book, view, refusals, directory, isOpen, ...budgetsOf(setup) }
  const swarm = new Swarm(carried, setup.artifacts, now)
  const subject = subjectOf(self, setup.facts)
  const { mirror } = setup
  const policy = new LocalPolicy({ self, statements })
  const rollout: Rollout = new Rollout(
    { env, out, self, targets, announcing, swarm, subject, policy, mirror },
    setup.installs,
  )
  const releases = new Releases({ out, self, topic: heads, targets, announcing, beacons, swarm, directory, rollout })
  return { announcing, beacons, swarm, rollout, releases }
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
