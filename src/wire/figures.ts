// Figures of many nodes, as part of a digest or a summary (protocol clause DIGEST): sums as numbers, sketches as runs of bins, zones and
// nodes in their short forms. What does not add up is refused here, so that core merges nothing that cannot be true.
import { toHex } from '../core/bytes.ts'
import {
  type Figures,
  membersOf,
  NO_FIGURES,
  type ReleaseCounts,
  WORST_REASONS,
  type Worst,
} from '../core/fleet/figures.ts'
import { ALERT_KINDS, STATUSES } from '../core/fleet/rows.ts'
import { SKETCH_BINS, SKETCHED, type Sketch, sketchCount } from '../core/fleet/sketch.ts'
import { limits } from '../core/limits.ts'
import { INSTALL_STATES } from '../core/rollout/states.ts'
import { within, zoneProblem } from '../core/zone.ts'
import { ZONE_BYTES } from './contact.ts'
import { nodeIdOf, nodeKey } from './node-id.ts'
import { hexBytes, MessageReader, MessageWriter } from './protobuf.ts'
import { isVersion } from './record.ts'

const KEY_BYTES = 32
const RELEASE_BYTES = 8
const NESTED_BYTES = 128
const WORST_BYTES = KEY_BYTES + ZONE_BYTES + 24
/** First bin, bins, and their counts, of every sketch; a later version may have more of them. */
const SKETCH_NUMBERS = 2 * SKETCHED.length * (SKETCH_BINS + 2)

/** @param base the zone that all zones in the figures lie within: their names go without it. */
export function encodeFigures(figures: Figures, base: string): Uint8Array {
  const { counts, alerts } = figures
  const runs = SKETCHED.flatMap((_, at) => runOf(figures.sketches[at] ?? []))
  const message = new MessageWriter()
    .uint(1, figures.zones)
    .uint(2, figures.dark)
    .texts(
      3,
      figures.darkZones.map((zone) => shortOf(zone, base)),
    )
    .packed(
      4,
      STATUSES.map((status) => counts[status]),
    )
  for (const release of figures.releases) message.bytes(5, encodeRelease(release))
  message.uint(6, figures.otherReleases)
  for (const { version, count } of figures.versions)
    message.bytes(7, new MessageWriter().text(1, version).uint(2, count).finish())
  message.uint(8, figures.otherVersions)
  const raised = new MessageWriter()
  for (const [at, kind] of ALERT_KINDS.entries()) raised.uint(at + 1, alerts[kind] ?? 0)
  message.bytes(9, raised.finish()).uint(10, runs.length).packed(11, runs)
  for (const worst of figures.worst) message.bytes(12, encodeWorst(worst, base))
  return message.finish()
}

/** Throws E_PROTOCOL, also when the parts do not add up to the whole. @param what names the message in failures */
export function decodeFigures(bytes: Uint8Array, base: string, what: string, maxBytes: number): Figures {
  const reader = new MessageReader(bytes, what, maxBytes)
  const zones = reader.uint(1)
  const dark = reader.uint(2)
  const darkZones = reader.texts(3, limits.darkNames, ZONE_BYTES).map((short) => longOf(reader, short, base))
  const [up = 0, late = 0, down = 0, left = 0] = reader.packed(4, STATUSES.length, NESTED_BYTES)
  const releases = reader.list(5, limits.digestReleases, 1, NESTED_BYTES).map(decodeRelease)
  const otherReleases = reader.uint(6)
  const versions = reader.list(7, limits.digestVersions, 1, NESTED_BYTES).map(decodeVersion)
  const otherVersions = reader.uint(8)
  const alerts = decodeAlerts(reader.optionalBytes(9, 0, NESTED_BYTES))
  const numbers = reader.uint(10, SKETCH_NUMBERS)
  const sketches = sketchesOf(reader, reader.packed(11, numbers, maxBytes))
  const worst = reader.list(12, limits.worstNodes, 1, WORST_BYTES).map((one) => decodeWorst(one, base))
  reader.end()
  const figures = {
    ...{ zones, dark, darkZones, counts: { up, late, down, left }, alerts, sketches },
    ...{ releases, otherReleases, versions, otherVersions, worst },
  }
  const problem = problemOf(figures)
  return problem === undefined ? figures : reader.refuse(problem)
}

/** Why the figures cannot be true; undefined when they can. */
function problemOf(figures: Figures): string | undefined {
  const { counts, versions, releases, sketches, alerts, darkZones, worst } = figures
  const members = membersOf(counts)
  if (members > limits.digestNodes) return `it counts ${members} nodes, at most ${limits.digestNodes} are believed`
  const zones = figures.zones + figures.dark
  if (zones > limits.digestZones) return `it counts ${zones} zones, at most ${limits.digestZones} are believed`
  const present = counts.up + counts.late
  if (sketches.some((sketch) => sketchCount(sketch) > present)) return 'a sketch counts more nodes than there are'
  const named = versions.reduce((sum, { count }) => sum + count, figures.otherVersions)
  if (named > present) return 'its versions are of more nodes than there are'
  const reports = releases.flatMap(({ states }) => Object.values(states))
  const told = reports.reduce((sum, count) => sum + count, figures.otherReleases)
  if (told > limits.recordInstalls * present) return 'its releases are of more nodes than there are'
  if (Object.values(alerts).some((count) => count > members)) return 'its alerts are of more nodes than there are'
  if (darkZones.length > figures.dark) return 'it names more dark zones than it counts'
  const isTwice = new Set(worst.map(({ node }) => node)).size < worst.length
  if (isTwice || worst.length > members) return 'its worst nodes are not so many different ones'
  return new Set(darkZones).size < darkZones.length ? 'it names a dark zone twice' : undefined
}

function encodeRelease({ release8, states }: ReleaseCounts): Uint8Array {
  const message = new MessageWriter().bytes(1, hexBytes(release8, RELEASE_BYTES, "release's hash"))
  for (const [at, state] of INSTALL_STATES.entries()) message.uint(at + 2, states[state] ?? 0)
  return message.finish()
}

function decodeRelease(bytes: Uint8Array): ReleaseCounts {
  const reader = new MessageReader(bytes, 'the counts of a release', NESTED_BYTES)
  const release8 = toHex(reader.bytes(1, RELEASE_BYTES, RELEASE_BYTES))
  const counted = INSTALL_STATES.map((state, at) => [state, reader.uint(at + 2)] as const)
  reader.end()
  return { release8, states: Object.fromEntries(counted.filter(([, count]) => count > 0)) }
}

function decodeVersion(bytes: Uint8Array): Figures['versions'][number] {
  const reader = new MessageReader(bytes, 'the count of a version', NESTED_BYTES)
  const [version, count] = [reader.text(1, limits.pimeshVersionLength), reader.uint(2)]
  reader.end()
  return isVersion(version) ? { version, count } : reader.refuse('its version is none')
}

/** A kind that this version does not know is left out. */
function decodeAlerts(bytes: Uint8Array | undefined): Figures['alerts'] {
  if (bytes === undefined) return NO_FIGURES.alerts
  const reader = new MessageReader(bytes, 'the counts of alerts', NESTED_BYTES)
  const counted = ALERT_KINDS.map((kind, at) => [kind, reader.uint(at + 1)] as const)
  reader.end()
  return Object.fromEntries(counted.filter(([, count]) => count > 0))
}

/** The first bin that is not empty, how many follow up to the last one, and their counts. */
function runOf(sketch: Sketch): number[] {
  const first = Math.max(
    0,
    sketch.findIndex((count) => count > 0),
  )
  const counts = sketch.slice(first)
  return counts.length === 0 ? [0, 0] : [first, counts.length, ...counts]
}

/** Sketches of metrics that this version does not know are left out; those that an older one does not have are empty. */
function sketchesOf(reader: MessageReader, runs: readonly number[]): Sketch[] {
  const sketches: Sketch[] = []
  for (let at = 0; at < runs.length; ) {
    const [first = 0, length] = [runs[at], runs[at + 1]]
    const counts = length === undefined ? undefined : runs.slice(at + 2, at + 2 + length)
    const isRun = counts?.length === length && first + (length as number) <= SKETCH_BINS && counts?.at(-1) !== 0
    if (counts === undefined || !isRun) return reader.refuse('a sketch is cut off, or longer than its bins')
    sketches.push(counts.length === 0 ? [] : [...new Array<number>(first).fill(0), ...counts])
    at += 2 + counts.length
  }
  return SKETCHED.map((_, at) => sketches[at] ?? [])
}

function encodeWorst({ node, zone, why, value }: Worst, base: string): Uint8Array {
  return new MessageWriter()
    .bytes(1, nodeKey(node) as Uint8Array)
    .text(2, shortOf(zone, base))
    .uint(3, WORST_REASONS.indexOf(why) + 1)
    .uint(4, value)
    .finish()
}

function decodeWorst(bytes: Uint8Array, base: string): Worst {
  const reader = new MessageReader(bytes, 'one of the worst nodes', WORST_BYTES)
  const node = nodeIdOf(reader.bytes(1, KEY_BYTES, KEY_BYTES))
  const zone = longOf(reader, reader.text(2, ZONE_BYTES), base)
  const why = WORST_REASONS[reader.uint(3) - 1] ?? reader.refuse('its reason is unknown')
  const value = reader.uint(4)
  reader.end()
  return { node, zone, why, value }
}

/** The name without that of `base`: '' for `base` itself. */
function shortOf(zone: string, base: string): string {
  return zone.slice(base === '/' ? 1 : base.length)
}

function longOf(reader: MessageReader, short: string, base: string): string {
  const zone = base === '/' ? `/${short}` : `${base}${short}`
  if (zoneProblem(zone) !== undefined || !within(zone, base)) reader.refuse(`"${zone}" is not a zone below ${base}`)
  return zone
}
