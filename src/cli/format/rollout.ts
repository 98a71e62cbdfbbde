// The way of one release through the fleet, for a person: all of it on one line, what holds it up, its zones and its nodes.
import type { ReleaseJson, ReleasesJson } from '../../daemon/api-types.ts'
import { plain, type Terminal } from '../frame/terminal.ts'
import type { FarJson, NodeFarJson, RolloutJson, ZoneFarJson } from '../rollout/figures.ts'
import { progressBar } from './progress.ts'
import { age, bytes, counted, percent, span } from './quantity.ts'
import { sourcesText } from './release-progress.ts'
import {
  completenessLine,
  hereState,
  hereText,
  nodeWhy,
  notesOf,
  stagesText,
  warningLines,
  whyText,
} from './releases.ts'
import { STAGE_COLOURS, STAGES, type Stage } from './stages.ts'
import { type Column, pairLines, tableLines, width } from './table.ts'

type Ends = Pick<Terminal, 'paint' | 'interactive' | 'columns'>

/** Characters of the bar where there is room for them, and fewest that still show something. */
const BAR = 24
const BAR_MIN = 10
/** What comes before it: `fleet   `, and the brackets behind. */
const BAR_SIDES = 11

/** The last line says how complete it is. `worstFirst`: nodes that somebody should look at come first, and those that have it last. */
export function rolloutLines(
  rollout: RolloutJson,
  terminal: Ends,
  options: { wide: boolean; worstFirst: boolean },
): string[] {
  const release = releaseOf(rollout)
  const answer = answerOf(rollout, release)
  const last = [...notesOf(answer), completenessLine(answer)]
  if (release === undefined) return last
  return [
    `${terminal.paint('bold', plain(release.release))}: ${stagesText(release)}`,
    ...pairLines(facts(rollout, release, terminal), '', terminal.columns),
    ...warningLines(release, terminal),
    ...zoneLines(rollout, terminal, options),
    ...nodeLines(rollout, terminal, options),
    ...last,
  ]
}

function releaseOf({ release, nodes, here, unsaid }: RolloutJson): ReleaseJson | undefined {
  return release === null ? undefined : { ...release, nodes, here, unsaid }
}

function answerOf({ asked, freshness, completeness }: RolloutJson, release: ReleaseJson | undefined): ReleasesJson {
  const about = { zones: asked, ...(freshness !== undefined && { freshness }), completeness }
  return { schema: 'pimesh.releases/1', releases: release === undefined ? [] : [release], ...about }
}

function facts(rollout: RolloutJson, release: ReleaseJson, terminal: Ends): [string, string][] {
  const { fleet, states } = rollout
  const { here } = release
  const why = whyText(release)
  const far: [string, string][] = fleet.totalBytes === 0 ? [] : [['fleet', barredText(fleet, terminal)]]
  const between = states.some(({ state }) => !SAID.includes(state))
  const way = between ? states.map(({ state, nodes }) => `${nodes} ${plain(state)}`).join(', ') : ''
  return [
    ...far,
    ...(way === '' ? [] : [['states', way] as [string, string]]),
    ...(why === '-' ? [] : [['why', why] as [string, string]]),
    ...cameFacts(fleet),
    ...(here === null ? [] : [['here', hereText(here, hereState(release))] as [string, string]]),
    ...(here?.sources === undefined ? [] : [['came', sourcesText(here.sources)] as [string, string]]),
  ]
}

/** Of those that say so: a daemon counts from its start. */
function cameFacts({ peersPercent, savedBytes, patched }: FarJson): [string, string][] {
  const saved = savedBytes !== null && savedBytes > 0
  return [
    ...(peersPercent === null ? [] : [['peers', sharedText(peersPercent)] as [string, string]]),
    ...(saved
      ? [['saved', `${bytes(savedBytes)} by patches, on ${counted(patched, 'node')}`] as [string, string]]
      : []),
  ]
}

function sharedText(share: number): string {
  if (share === 100) return 'all of it came over LANs and from other members'
  return `${percent(share / 100)} of it came over LANs and from other members, the rest from the publisher`
}

/** States of which the first line says it all. */
const SAID = ['announced', 'fetching', 'committed', 'failed']

/** `[#############...........] 56 %, 34.0 MB of 60.0 MB, 1.2 MB/s, 24 s left`; as much of the bar as there is room for, none in a pipe. */
function barredText(fleet: FarJson, { interactive, columns }: Ends): string {
  const text = farText(fleet)
  const room = Math.min(BAR, columns - BAR_SIDES - width(text))
  return interactive && room >= BAR_MIN ? `${progressBar(fleet.bytes / fleet.totalBytes, room)} ${text}` : text
}

function farText({ percent: done, bytes: have, totalBytes, bytesPerSecond, leftMs }: FarJson): string {
  const amount = `${percent(done / 100)}, ${bytes(have)} of ${bytes(totalBytes)}`
  const rate = bytesPerSecond === null || bytesPerSecond === 0 ? '' : `, ${bytes(bytesPerSecond)}/s`
  return `${amount}${rate}${leftMs === null ? '' : `, ${span(leftMs)} left`}`
}

type Far = Pick<FarJson, 'bytesPerSecond' | 'leftMs' | 'peersPercent' | 'savedBytes'>

/** For who watches; elsewhere nobody knows. */
function rateColumn<T extends Far>(rows: readonly T[]): Column<T>[] {
  if (rows.every(({ bytesPerSecond }) => bytesPerSecond === null)) return []
  return [{ title: 'RATE', right: true, cell: ({ bytesPerSecond }) => rateText(bytesPerSecond) }]
}

function leftColumn<T extends Far>(rows: readonly T[]): Column<T>[] {
  if (rows.every(({ bytesPerSecond }) => bytesPerSecond === null)) return []
  return [{ title: 'LEFT', right: true, cell: ({ leftMs }) => (leftMs === null ? '-' : span(leftMs)) }]
}

/** Where somebody says so. */
function cameColumns<T extends Far>(rows: readonly T[]): Column<T>[] {
  const peers = rows.some(({ peersPercent }) => peersPercent !== null)
  const saved = rows.some(({ savedBytes }) => savedBytes !== null && savedBytes > 0)
  return [
    ...(peers ? [{ title: 'PEERS', right: true, cell: (row: T) => peersText(row) }] : []),
    ...(saved ? [{ title: 'SAVED', right: true, cell: (row: T) => savedText(row) }] : []),
  ]
}

const peersText = ({ peersPercent }: Far): string => (peersPercent === null ? '?' : percent(peersPercent / 100))

function savedText({ savedBytes }: Far): string {
  if (savedBytes === null) return '?'
  return savedBytes === 0 ? '-' : bytes(savedBytes)
}

function rateText(rate: number | null): string {
  return rate === null || rate === 0 ? '-' : `${bytes(rate)}/s`
}

/** A line for each zone; none when there is one. */
function zoneLines({ zones }: RolloutJson, terminal: Ends, { wide }: { wide: boolean }): string[] {
  if (zones.length < 2) return []
  const stage = (name: 'installed' | 'failed'): Column<ZoneFarJson> => ({
    title: name.toUpperCase(),
    right: true,
    cell: (row) => String(row[name]),
    paint: (row, text) => (row[name] === 0 ? text : terminal.paint(STAGE_COLOURS[name], text)),
  })
  const columns: Column<ZoneFarJson>[] = [
    { title: 'ZONE', cell: ({ zone }) => zone },
    { title: 'NODES', right: true, cell: ({ nodes }) => String(nodes) },
    ...[stage('installed'), stage('failed')],
    { title: 'DONE', right: true, cell: ({ percent: done }) => percent(done / 100) },
    ...[...rateColumn(zones), ...leftColumn(zones), ...cameColumns(zones)],
    ...(wide ? [{ title: 'OLDEST', right: true, cell: ({ oldestMs }: ZoneFarJson) => age(oldestMs) }] : []),
  ]
  return ['', ...tableLines(columns, zones)]
}

function nodeLines(
  { nodes, zones }: RolloutJson,
  terminal: Ends,
  { wide, worstFirst }: { wide: boolean; worstFirst: boolean },
): string[] {
  if (nodes.length === 0) return []
  const zone: Column<NodeFarJson> = { title: 'ZONE', cell: (node) => node.zone }
  const columns: Column<NodeFarJson>[] = [
    { title: 'NODE', cell: ({ name }) => name },
    ...(wide || zones.length > 1 ? [zone] : []),
    {
      title: 'STATE',
      cell: ({ state }) => state,
      paint: (node, text) => terminal.paint(STAGE_COLOURS[stageOf(node)], text),
    },
    { title: 'DONE', right: true, cell: (node) => percent(node.percent / 100) },
    ...[...rateColumn(nodes), ...(wide ? leftColumn(nodes) : []), ...cameColumns(nodes)],
    ...(wide ? WIDE : []),
    { title: 'WHY', cell: (node) => nodeWhy(node) ?? '-' },
  ]
  return ['', ...tableLines(columns, worstFirst ? nodes.toSorted(byNeed) : nodes)]
}

const WIDE: readonly Column<NodeFarJson>[] = [
  { title: 'STATUS', cell: ({ status }) => status },
  { title: 'AGE', right: true, cell: ({ ageMs }) => age(ageMs) },
  { title: 'ID', cell: ({ node }) => node },
]

const NEED: readonly Stage[] = ['failed', 'announced', 'fetching', 'installed']

function stageOf({ state }: NodeFarJson): Stage {
  return STAGES[state] ?? 'fetching'
}

function byNeed(a: NodeFarJson, b: NodeFarJson): number {
  const rank = (node: NodeFarJson) => (nodeWhy(node) === undefined ? NEED.indexOf(stageOf(node)) : 0)
  return rank(a) - rank(b) || a.percent - b.percent
}
