// The machines that a node is composed of, wired together, and filled with what earlier runs wrote.
import { Asking } from './asking.ts'
import type { Env, Millis, NodeId } from './env.ts'
import type { ZoneAnswer } from './events.ts'
import { Alerts } from './fleet/alerts.ts'
import { Collectors } from './fleet/collectors.ts'
import { Descents } from './fleet/descents.ts'
import { RecordGossip } from './fleet/gossip.ts'
import { Heartbeat } from './fleet/heartbeat.ts'
import { composeAccusing, composeSeeing, watchingOf } from './fleet/presence.ts'
import { Queries } from './fleet/query.ts'
import { composeReporters, type Reporters } from './fleet/reporter-machines.ts'
import { rowsOf } from './fleet/serving.ts'
import { sightOf } from './fleet/sight.ts'
import { Sightings } from './fleet/sightings.ts'
import type { View } from './fleet/view.ts'
import { composeHistory } from './history/compose.ts'
import { limits } from './limits.ts'
import { Book } from './links/book.ts'
import { Greetings } from './links/greetings.ts'
import { Links } from './links/links.ts'
import { Reach } from './links/reach.ts'
import { Outbox } from './outbox.ts'
import { composePublishing, type Publishing } from './publishing-machines.ts'
import { Saving } from './saving.ts'
import { Self } from './self.ts'
import type { NodeSetup } from './setup.ts'
import { digestTopic, recordTopic } from './topics.ts'
import { Audit } from './trust/audit.ts'
import { Gatekeeper } from './trust/gatekeeper.ts'
import { KnownBad } from './trust/known-bad.ts'
import { Misconduct } from './trust/misconduct.ts'
import { Refusals } from './trust/refusals.ts'
import { Rivals } from './trust/rivals.ts'
import { RootKeeper } from './trust/root-keeper.ts'
import { Roster } from './trust/roster.ts'
import { StatementKeeper } from './trust/statement-keeper.ts'
import { Watch } from './trust/watch.ts'

export type { MachineFacts, NodeSetup, SavedArtifacts, SavedPublishers } from './setup.ts'
export { announcementTopic, digestTopic, recordTopic } from './topics.ts'

export type Machines = ReturnType<typeof wire>

/** Wires the machines and restores what was saved. Throws only for a setup without a root: a mistake of the caller. */
export function composeMachines(env: Env, setup: NodeSetup, now: Millis): Machines {
  const machines = wire(env, setup, now)
  restore(machines, setup, now)
  return machines
}

function wire(env: Env, setup: NodeSetup, now: Millis) {
  const out = new Outbox()
  const self = selfOf(setup, now)
  const topic = recordTopic(self.mesh8, self.zone)
  const [alerts, refusals] = [new Alerts(out), new Refusals(out)]
  const seeing = composeSeeing({ env, out, self, alerts, localHealth: setup.localHealth ?? true })
  const { view } = seeing
  // Two pairs need each other: who is linked never leaves the book, and whom we see or are linked to stays on the roster.
  const statements = new StatementKeeper(env, out, self, refusals, setup.statements)
  const isOut = (node: NodeId, zone: string | undefined) => statements.names(node, zone)
  const book: Book = new Book(self.node, self.zone, (node) => links.standing(node), isOut)
  const isUsing = (node: NodeId) => publishing.swarm.isUsing(node)
  const isOfUse = (node: NodeId) => reach.holds(node) || isUsing(node) || reporters.reporting.isSibling(node)
  const wanted = { watching: watchingOf(self, seeing.witnesses), wishes: () => reporters.reporting.wishes }
  const links: Links = new Links(env, out, book, self, isOfUse, () => reach.offers, wanted)
  const greetings: Greetings = new Greetings(env, out, self, {
    ...{ book, view },
    vector: () => publishing.announcing.vector(),
    statements: () => statements.digest,
    beacons: () => publishing.beacons.heads(),
    reach: () => reach.told,
    reports: (node) => reporters.reporting.reports(node),
  })
  const { relay = 'auto', announce = [], reachable = [] } = setup
  const ways = { env, out, self, book, links, greetings, inUse: isUsing, relay, announce, saved: reachable }
  const reach: Reach = new Reach(ways, now)
  const roster = new Roster(out, (node) => isNeeded(node, self, links, view))
  const watched = { env, out, self, refusals, links, incarnation: () => heartbeat.incarnation }
  const { audit, misconduct, watch, isDropped } = composeWatch(watched, setup.audit)
  const gatekeeper = new Gatekeeper(env, out, self, roster, { alerts, refusals }, statements, isDropped)
  const rivals = new Rivals(links, greetings, gatekeeper, reach.watchdog)
  const roots = new RootKeeper({ env, out, self, watch }, setup.roots, setup.rootFloor)
  const heartbeat: Heartbeat = new Heartbeat(env, out, topic, setup, {
    minimum: setup.recordPeriodMin,
    installs: () => publishing.rollout.reports(),
    refused: () => audit.summary(),
    version: setup.version,
  })
  const common = { env, out, self, roster, statements, refusals, links, book, heartbeat, topic }
  const past = composeHistory({ ...common, ...seeing }, setup, now)
  const gossip = new RecordGossip({ ...common, view, alerts, heardOf: past.heardOf })
  const accusing = composeAccusing({ ...common, seeing })
  const reported = { ...common, view, alerts, gatekeeper, day: seeing.day, topicOf: digestTopic }
  const reporters: Reporters = composeReporters({ ...reported, ...reportsOf(setup) }, now)
  const local = (at: Millis) => ownZone(self, view, alerts, at)
  const queries = new Queries({ env, out, self, book, links, roster, gatekeeper, local })
  const sight = (node: NodeId, at: Millis) =>
    sightOf({ ...seeing, self, links, book, watchdog: reach.watchdog }, node, at)
  const sightings = new Sightings({ out, self, book, links, sight })
  const descents = new Descents({ env, out, self, book, links, statements, day: seeing.day, ...reporters })
  const asking = new Asking({ queries, sightings, descents, inquiries: past.inquiries })
  const saving = new Saving({ out, self, view, book, history: past.history }, setup.viewFlushPeriod, now)
  const published = { env, out, self, refusals, watch, links, book, view, reach, statements }
  const publishing: Publishing = composePublishing(published, setup, now)
  const { releases } = publishing
  const fleet = {
    ...seeing,
    ...accusing,
    ...reporters,
    ...past,
    alerts,
    heartbeat,
    gossip,
    queries,
    sightings,
    descents,
    asking,
    saving,
    collectors: new Collectors(out),
  }
  const trust = { refusals, audit, misconduct, roster, gatekeeper, rivals, roots, statements }
  return { out, self, topic, book, links, reach, greetings, ...trust, ...fleet, releases }
}

/** What is made of refusals: the audit log, and who is kept out for them. */
function composeWatch(
  parts: { env: Env; out: Outbox; self: Self; refusals: Refusals; links: Links; incarnation: () => number },
  saved: NodeSetup['audit'],
) {
  const { env, out, self, refusals, links, incarnation } = parts
  const audit = new Audit({ out, self, incarnation }, saved)
  const avoid = (peer: NodeId, until: Millis) => links.avoid(peer, until)
  const misconduct = new Misconduct({ out, refusals, avoid })
  const watch = new Watch({ audit, misconduct, knownBad: new KnownBad(env) })
  return { audit, misconduct, watch, isDropped: (node: NodeId, at: Millis) => misconduct.isDropped(node, at) }
}

function reportsOf({ recordPeriodMin: minimum, zones = [] }: NodeSetup) {
  return { minimum, zones }
}

function selfOf(setup: NodeSetup, now: Millis): Self {
  const root = setup.roots.at(-1)
  if (root === undefined) throw new Error('a node needs a root')
  const issued = setup.roots.map(({ signed }) => signed.issued)
  const bound = Math.max(setup.timeBound ?? 0, ...issued)
  return new Self(setup.mesh, setup.membership, root, setup.wall, now, bound)
}

/** Ours, our witness's, and of whom we see or are linked to. */
function isNeeded(node: NodeId, self: Self, links: Links, view: View): boolean {
  const own = node === self.node || node === self.membership.countersignature?.by
  return own || links.get(node) !== undefined || view.has(node)
}

function ownZone({ zone, node }: Self, view: View, alerts: Alerts, now: Millis): ZoneAnswer {
  const rows = rowsOf(view, alerts, now, undefined, limits.viewNodes)
  return { zone, state: 'answered', membersKnown: view.size, by: node, counts: view.counts(), rows, partial: false }
}

function restore({ self, roster, gatekeeper, view, book }: Machines, setup: NodeSetup, now: Millis): void {
  roster.add(setup.membership, { persist: false, proven: true })
  for (const membership of setup.memberships) {
    if (gatekeeper.problemOf(membership, now) === undefined) roster.add(membership, { persist: false, proven: false })
  }
  const wall = self.wallAt(now)
  for (const row of self.isNode ? setup.rows : []) {
    if (roster.byNode(row.node) !== undefined) view.restore(row, now, wall)
  }
  for (const { contact, wall: told } of setup.contacts) {
    // A clock that is far ahead at start must not cost us every address (T29): the oldest contact is still worth a dial.
    const since = wall === undefined ? 0 : Math.max(0, wall - told)
    const age = Math.min(contact.age + since, limits.contactLifetime - 1)
    book.restored({ ...contact, age }, now)
  }
}
