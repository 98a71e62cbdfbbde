// Everything about one node: its row, by whom it is seen, and what it measures beside its record; the last two are asked for at once.
import type { NodeId } from '../core/env.ts'
import { Failure } from '../core/failure.ts'
import { metricIndex } from '../core/fleet/metrics.ts'
import type { SightAnswer, Sighting, SightQuestion } from '../core/fleet/sightings.ts'
import type { HistoryAnswer, HistoryQuestion } from '../core/history/inquiries.ts'
import { MINUTE } from '../core/limits.ts'
import { nearest } from '../core/nearest.ts'
import type { Membership } from '../core/trust/documents.ts'
import type { BesideJson, SeenJson, SightJson } from './api-node-types.ts'
import type { NodeJson, NodesJson } from './api-types.ts'
import { seriesJson } from './history-json.ts'

interface Parts {
  driver: {
    sight: (question: SightQuestion) => Promise<SightAnswer>
    history: (question: HistoryQuestion) => Promise<HistoryAnswer>
  }
  core: { membershipOf: (node: NodeId) => Membership | undefined }
}

/** @param all rows of all nodes @throws Failure E_UNKNOWN_NODE */
export async function nodeWhole(
  { driver, core }: Parts,
  all: NodesJson,
  { idOrName, timeoutMs: timeout }: { idOrName: string; timeoutMs: number },
): Promise<NodesJson> {
  const one = oneNode(all, idOrName)
  const [row] = one.nodes as [NodeJson]
  const { node, zone, status } = row
  const names = new Map(all.nodes.map((known) => [known.node, known.name]))
  const nameOf = (id: NodeId) => names.get(id) ?? core.membershipOf(id)?.claims.name ?? null
  const isAlone = !all.nodes.some((other) => other.zone === zone && other.node !== node && other.status === 'up')
  const seen = async () => seenJson(await driver.sight({ node, zone, timeout }), nameOf, isAlone)
  // Nobody else keeps them: of a node that is gone there is nothing to wait for.
  const isGone = status === 'down' || status === 'left'
  const question: HistoryQuestion = { node, zone, tier: 'minutes', series: [], since: MINUTE, timeout }
  const beside = async () => (isGone ? null : besideJson(await driver.history(question)))
  const [sights, values] = await Promise.all([seen(), beside()])
  return { ...one, seen: sights, beside: values }
}

function seenJson(
  { witnesses, sightings, named }: SightAnswer,
  nameOf: (node: NodeId) => string | null,
  isAlone: boolean,
): SeenJson {
  const by = sightings.map((sighting) => sightJson(sighting, nameOf, witnesses))
  const silent = witnesses.filter((witness) => !sightings.some((sighting) => sighting.by === witness))
  return {
    by: by.sort((a, b) => Number(b.witness) - Number(a.witness) || compare(a.name ?? a.node, b.name ?? b.node)),
    completeness: {
      ...{ answered: witnesses.length - silent.length, known: witnesses.length },
      complete: named ? silent.length === 0 : isAlone,
      silent: silent.map((node) => ({ node, name: nameOf(node) })),
    },
  }
}

function sightJson(
  { by, sight }: Sighting,
  nameOf: (node: NodeId) => string | null,
  witnesses: readonly NodeId[],
): SightJson {
  return {
    ...{ node: by, name: nameOf(by), witness: witnesses.includes(by) },
    ...{ status: sight?.status ?? null, ageMs: sight === undefined ? null : Math.round(sight.age) },
    ...{ route: sight?.route ?? null, roundTripMs: sight?.roundTrip ?? null },
  }
}

function besideJson({ sources }: HistoryAnswer): BesideJson {
  const own = sources.find((source) => source.own)
  const series = (own?.names ?? []).filter(({ name }) => metricIndex(name) === undefined).map(seriesJson)
  return { series: series.sort((a, b) => compare(a.name, b.name)), complete: own !== undefined }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** The row of the node with this id, name or unique beginning of an id. A name whose former owner left means its new one. */
export function oneNode(answer: NodesJson, idOrName: string): NodesJson {
  const exact = answer.nodes.filter((row) => row.node === idOrName || row.name === idOrName)
  const fitting = exact.length > 0 ? exact : answer.nodes.filter((row) => row.node.startsWith(idOrName))
  const present = fitting.filter((row) => row.status !== 'left')
  const found = present.length === 1 ? present : fitting
  if (found.length === 1) return { ...answer, nodes: found }
  if (found.length === 0) throw unknownNode(answer, idOrName)
  throw ambiguous(found, idOrName)
}

/** Nodes that a sentence names. */
const NAMED = 5

function ambiguous(found: readonly NodesJson['nodes'][number][], idOrName: string): Failure {
  const alike = found.every((row) => row.name === idOrName)
  const texts = found.slice(0, NAMED).map((row) => (alike ? `${row.node} in ${row.zone}` : `${row.name} ${row.node}`))
  const list = texts.join(', ') + (found.length > NAMED ? `, and ${found.length - NAMED} more` : '')
  if (!alike)
    return new Failure('E_UNKNOWN_NODE', `"${idOrName}" fits ${found.length} nodes (${list}): give more of the id`)
  const count = found.length === 2 ? 'two' : found.length
  return new Failure('E_UNKNOWN_NODE', `${count} nodes have this name, use an id: ${list}`)
}

function unknownNode({ nodes, zones, completeness }: NodesJson, idOrName: string): Failure {
  const { complete, zonesAnswered, zonesKnown, darkZones = [] } = completeness
  const seen = complete ? '' : ` in what answered (${zonesAnswered} of ${zonesKnown} zones)`
  const close = nearest(
    idOrName,
    nodes.map(({ name }) => name),
  )
  const isHidden = zones.some(({ state }) => state === 'forbidden')
  const others = 'nodes of other zones are told to operators: ask there, or with an operator\'s peer ("pimesh attach")'
  const all = isHidden ? others : '"pimesh nodes" lists all'
  const meant = close === undefined ? all : `did you mean "${close}"?${isHidden ? ` If not, ${others}` : ''}`
  const dark = darkZones.slice(0, NAMED).join(', ')
  const or = close === undefined && !isHidden ? '' : `; or ${meant}`
  const advice = dark === '' ? meant : `it may be in a zone that does not answer (${dark})${or}`
  return new Failure('E_UNKNOWN_NODE', `no node has the name or id "${idOrName}"${seen}: ${advice}`)
}
