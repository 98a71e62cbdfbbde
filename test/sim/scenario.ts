// A scenario: how large the world is and what goes wrong in it, as data. Every field has a default; files in scenarios/
// name only what they change. Rates are per node and hour, shares are 0..1, times are virtual.
import { readFileSync } from 'node:fs'

export interface Partition {
  /** Virtual seconds. */
  at: number
  until: number
  /** Share of the nodes on the far side, drawn at random; or the zones that lie there. */
  share?: number
  zones?: string[]
  /** Only what the far side sends is lost: an asymmetric link. */
  oneWay?: boolean
}

/** A release that is signed and handed in during the run. */
export interface ReleasePlan {
  /** Virtual seconds. */
  at: number
  /** Its first segment is the role that signs it. */
  path: string
  /** 0: one more than the highest before. A lower one is what nobody may install who heard of a higher one. */
  counter: number
  /** A selector; "true" is everybody. */
  to: string
  pieces: number
  /** Number of the machine that publishes it; -1 is the first operator's peer. */
  by: number
  /** The machine goes for good as soon as another one holds all of it. */
  leaves: boolean
  /** It is carried packed (zstd), not as it is. */
  packed: boolean
  /** The bytes are those of the piece list, and not those that were announced: nobody may install it. */
  broken: boolean
  /** Two announcements of one version, with different artifacts, are handed in at two machines: an equivocation. */
  twice: boolean
}

/** Virtual seconds: a new targets document gives a role other keys and the next epoch; it announces its releases anew. */
export interface Rotation {
  at: number
  role: string
}

/** Virtual seconds: an enrol key revokes a node, in a statement that is handed in at the machine `by`. */
export interface RevocationPlan {
  at: number
  node: number
  by: number
}

/** A machine without power for a while; virtual seconds. */
export interface Absence {
  node: number
  at: number
  until: number
}

export interface Scenario {
  name: string
  nodes: number
  zones: number
  /** Peers of operators: they send no record and ask for all rows once a minute. */
  operators: number
  minutes: number
  /** Nodes start within so many seconds of the beginning. */
  startSeconds: number
  /** In the last so many seconds nothing new breaks, so that the end can be judged. Loss goes on. */
  quietSeconds: number
  /** Share of transmissions over a link that are lost. */
  loss: number
  /** Share of deliveries that gossip delivers again, because its memory of ids forgot. */
  duplicate: number
  /** One transmission: `min` plus an exponential with mean `mean - min`, at most `max`; milliseconds. */
  delay: { min: number; mean: number; max: number }
  crashesPerNodeHour: number
  /** Share of crashes that are power cuts: no neighbour is told, and unsynced writes are lost. */
  powerCuts: number
  /** Share of crashes that are a proper stop with a goodbye. */
  goodbyes: number
  /** How long a crashed node stays away; seconds. */
  downSeconds: { min: number; max: number }
  clockStepsPerNodeHour: number
  /** Open links that break by themselves, per link and hour. */
  breaksPerLinkHour: number
  partitions: Partition[]
  disk: { delayMean: number; delayMax: number; failShare: number }
  /** Share of zones that are one LAN with mDNS. */
  mdns: number
  /** Share of nodes that cannot be dialled from another zone (behind a NAT). */
  hidden: number
  /** Shortest promise of records; milliseconds. */
  recordPeriodMin: number
  /** Batches of the view and the address book are this far apart; milliseconds. */
  viewFlushPeriod: number
  releases: ReleasePlan[]
  rotations: Rotation[]
  revocations: RevocationPlan[]
  absences: Absence[]
  /** Share of nodes that send bits flipped in every piece, and garbage now and then. */
  junk: number
  /** Share of nodes that replay old announcements and tell of forged ones. */
  liars: number
  /** Share of machines that neither say nor pass on a head of gossip. */
  mutes: number
  /** Share of nodes that fetch and serve every release. */
  mirrors: number
  /** Bytes per second that a machine sends of pieces, to all others together. */
  uploadRate: number
  /** A piece read or written, and a step of an installer; milliseconds. */
  files: { delayMean: number; delayMax: number; stepMean: number; stepMax: number; failShare: number }
  /** Ends the run once every release is where it belongs and a minute of the quiet is over. */
  endsDelivered: boolean
  /** So many machines, those with the lowest numbers, hold beacon keys; `refuses`: no role installs while a node is stale. */
  beacons: { holders: number; threshold: number; periodSeconds: number; refuses: boolean }
  /**
   * NATs and relays; without public machines there are none of either. The `publics` machines with the lowest numbers can be dialled by
   * everybody and relay for `budget` others each. Of the zones' routers a share is `random`; of the holes between others a share is `punched`.
   * A zone's WAN address changes, its uplink is cut, and public machines die and come back, at these rates.
   */
  paths: {
    publics: number
    random: number
    punched: number
    budget: number
    renumbersPerZoneHour: number
    cutsPerZoneHour: number
    cutSeconds: number
    relayDeathsPerHour: number
  }
  /** The disk has no room for artifacts for a while. */
  fullPerNodeHour: number
  fullSeconds: { min: number; max: number }
  /** A bit of a stored piece flips. */
  flipsPerNodeHour: number
}

const BASE: Scenario = {
  name: 'base',
  nodes: 24,
  zones: 3,
  operators: 1,
  minutes: 5,
  startSeconds: 20,
  quietSeconds: 100,
  loss: 0.05,
  duplicate: 0.05,
  delay: { min: 2, mean: 40, max: 2_000 },
  crashesPerNodeHour: 2,
  powerCuts: 0.3,
  goodbyes: 0.2,
  downSeconds: { min: 2, max: 60 },
  clockStepsPerNodeHour: 2,
  breaksPerLinkHour: 1,
  partitions: [],
  disk: { delayMean: 20, delayMax: 3_000, failShare: 0.01 },
  mdns: 0.5,
  hidden: 0.3,
  recordPeriodMin: 10_000,
  viewFlushPeriod: 600_000,
  releases: [],
  rotations: [],
  revocations: [],
  absences: [],
  junk: 0,
  liars: 0,
  mutes: 0,
  mirrors: 0,
  uploadRate: 8_000_000,
  files: { delayMean: 10, delayMax: 2_000, stepMean: 200, stepMax: 5_000, failShare: 0.005 },
  endsDelivered: false,
  beacons: { holders: 0, threshold: 1, periodSeconds: 3_600, refuses: false },
  paths: {
    publics: 0,
    random: 0.3,
    punched: 0.7,
    budget: 64,
    renumbersPerZoneHour: 0,
    cutsPerZoneHour: 0,
    cutSeconds: 60,
    relayDeathsPerHour: 0,
  },
  fullPerNodeHour: 0,
  fullSeconds: { min: 5, max: 60 },
  flipsPerNodeHour: 0,
}

const RELEASE: ReleasePlan = {
  at: 0,
  path: 'acme/agent',
  counter: 0,
  to: 'true',
  pieces: 8,
  by: 0,
  leaves: false,
  packed: false,
  broken: false,
  twice: false,
}
const ROTATION: Rotation = { at: 0, role: 'acme' }
const REVOCATION: RevocationPlan = { at: 0, node: 1, by: 0 }
const ABSENCE: Absence = { node: 0, at: 0, until: 0 }

/** The scenario of a JSON object: what it does not name is the base's. Throws an Error with one sentence. */
export function parseScenario(json: unknown, source: string): Scenario {
  const scenario = merge(BASE, json, source) as unknown as Scenario
  scenario.partitions = scenario.partitions.map((partition) => checkPartition(partition, source))
  const list = (items: readonly object[], item: object, what: string) =>
    items.map((json) => merge(item, json, `scenario ${source}: ${what}`)) as never
  scenario.releases = list(scenario.releases, RELEASE, 'a release')
  scenario.rotations = list(scenario.rotations, ROTATION, 'a rotation')
  scenario.revocations = list(scenario.revocations, REVOCATION, 'a revocation')
  scenario.absences = list(scenario.absences, ABSENCE, 'an absence')
  const problem = problemOf(scenario) ?? planProblem(scenario)
  if (problem !== undefined) throw new Error(`scenario ${source}: ${problem}`)
  return scenario
}

/** The scenario of a file. Throws an Error with one sentence. */
export function readScenario(file: string): Scenario {
  let json: unknown
  try {
    json = JSON.parse(readFileSync(file, 'utf8'))
  } catch (cause) {
    throw new Error(`scenario ${file} cannot be read: ${(cause as Error).message}`)
  }
  return parseScenario(json, file)
}

/** A scenario of this repository, by name. */
export function namedScenario(name: string): Scenario {
  return readScenario(new URL(`scenarios/${name}.json`, import.meta.url).pathname)
}

/** `base` with the fields of `json`; a field that the base lacks, or of another type, is refused. */
function merge(base: object, json: unknown, path: string): Record<string, unknown> {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw new Error(`${path} is not a JSON object`)
  const merged: Record<string, unknown> = structuredClone(base) as Record<string, unknown>
  for (const [key, value] of Object.entries(json)) {
    const known = merged[key]
    if (known === undefined) throw new Error(`${path} has an unknown key "${key}"`)
    if (Array.isArray(known) !== Array.isArray(value) || typeof known !== typeof value)
      throw new Error(`${path}: "${key}" must be ${Array.isArray(known) ? 'a list' : `a ${typeof known}`}`)
    merged[key] = typeof known === 'object' && !Array.isArray(known) ? merge(known as object, value, key) : value
  }
  return merged
}

function checkPartition(partition: Partition, source: string): Partition {
  const { at, until, share, zones } = partition
  const wrong = !(at >= 0 && until > at) || (share === undefined) === (zones === undefined)
  if (wrong) throw new Error(`scenario ${source}: a partition needs "at" < "until" (seconds) and "share" or "zones"`)
  return partition
}

function problemOf(scenario: Scenario): string | undefined {
  const { nodes, zones, minutes, delay, downSeconds } = scenario
  const shares = [
    'loss',
    'duplicate',
    'powerCuts',
    'goodbyes',
    'mdns',
    'hidden',
    'junk',
    'liars',
    'mutes',
    'mirrors',
  ] as const
  const share = shares.find((key) => !(scenario[key] >= 0 && scenario[key] <= 1))
  if (share !== undefined) return `"${share}" must be from 0 to 1`
  if (!Number.isInteger(nodes) || nodes < 2 || nodes > 10_000) return '"nodes" must be from 2 to 10000'
  if (!Number.isInteger(zones) || zones < 1 || zones > nodes) return '"zones" must be from 1 to the number of nodes'
  if (!(minutes > 0 && minutes <= 60 * 24 * 30)) return '"minutes" must be more than 0 and at most a month'
  if (!(delay.min >= 0 && delay.mean >= delay.min && delay.max >= delay.mean)) return '"delay" needs min <= mean <= max'
  if (!(downSeconds.min >= 0 && downSeconds.max >= downSeconds.min)) return '"downSeconds" needs min <= max'
  return undefined
}

function planProblem(scenario: Scenario): string | undefined {
  const { releases, rotations, revocations, absences, nodes, operators, uploadRate } = scenario
  const machine = (number: number) => Number.isInteger(number) && number >= 0 && number < nodes
  const wrongRelease = releases.find(
    ({ by, pieces, path }) =>
      !(machine(by) || (by === -1 && operators > 0)) || !(pieces >= 1 && pieces <= 4_096) || !path.includes('/'),
  )
  if (wrongRelease !== undefined)
    return 'a release needs "by" (a machine), "pieces" from 1 to 4096 and "path" (role/name)'
  if (releases.some(({ broken, packed }) => broken && !packed)) return 'a release that is broken must be packed'
  const roles = new Set(releases.map(({ path }) => roleOf(path)))
  if (rotations.some(({ role }) => !roles.has(role))) return 'a rotation needs "role", one that has releases'
  const revoked = revocations.map(({ node }) => node)
  if (revocations.some(({ node, by }) => !machine(node) || !machine(by) || revoked.includes(by)))
    return 'a revocation needs "node" and "by" (machines), and nothing is handed in at one that is revoked'
  if (absences.some(({ node, at, until }) => !machine(node) || !(until > at)))
    return 'an absence needs "node" and "at" < "until" (seconds)'
  return uploadRate > 0 ? undefined : '"uploadRate" must be more than 0'
}

/** The role that signs the releases of a path. */
export function roleOf(path: string): string {
  return path.slice(0, path.indexOf('/'))
}
