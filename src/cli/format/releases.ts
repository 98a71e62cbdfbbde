// Releases and how far they are: a table with one line each, and everything about one of them.
import type { InstallHereJson, InstallJson, ReleaseJson, ReleasesJson } from '../../daemon/api-types.ts'
import { plain, type Terminal } from '../frame/terminal.ts'
import { statusColours } from './node-columns.ts'
import { zoneNote } from './nodes.ts'
import { progressText } from './progress.ts'
import { age, bytes, counted } from './quantity.ts'
import { type FleetRates, sourcesText, zoneTable } from './release-progress.ts'
import { STAGE_COLOURS, STAGE_NAMES, STAGES, type Stage, stagesOf } from './stages.ts'
import { type Column, pairLines, tableLines, wrapped } from './table.ts'

type Paint = Pick<Terminal, 'paint'> & Partial<Pick<Terminal, 'columns'>>

/** docs/publishing.md says what to do about each. */
const REASONS: Readonly<Record<string, string>> = {
  diskFull: 'disk full',
  notWritable: 'not writable',
  noProvider: 'no provider',
  unsupported: 'needs a newer pimesh',
  badArtifact: 'bad artifact',
  ioError: 'I/O error',
  expired: 'expired',
  frozen: 'role frozen',
  oldCounter: 'old counter',
  notTaken: 'publisher not taken here',
  vetoed: 'vetoed',
  outsideHours: 'outside hours',
  stale: 'no recent beacon',
  clockUnknown: 'clock not synchronised',
  requires: 'waits for its bundle',
  pausedMonth: 'paused: month',
  pausedHours: 'paused: hours',
  pausedHot: 'paused: hot',
}

/** A reason in words; of a newer daemon as it stands. */
export function reasonText(reason: string): string {
  return Object.hasOwn(REASONS, reason) ? (REASONS[reason] as string) : reason
}

/** What the owner of a node set bounds for: it goes on by itself. */
const PAUSED = ['pausedMonth', 'pausedHours', 'pausedHot']

/** Releases that this machine was to install and does not get past by itself: their `here` says why. */
export function stuckHere(releases: readonly ReleaseJson[]): (ReleaseJson & { here: InstallHereJson })[] {
  return releases.filter((release): release is ReleaseJson & { here: InstallHereJson } => {
    const { selected, here } = release
    return selected === true && here !== null && stagesOf([here]).failed > 0
  })
}

/** Releases that come here later because of a budget of this machine: their `here` says which. */
export function pausedHere(releases: readonly ReleaseJson[]): (ReleaseJson & { here: InstallHereJson })[] {
  return releases.filter((release): release is ReleaseJson & { here: InstallHereJson } => {
    const { selected, here } = release
    return selected === true && here !== null && here.reason !== null && PAUSED.includes(here.reason)
  })
}

/** `acme/agent@2.4.0 is stuck (disk full)`. */
export function stuckText({ release, here: { state, reason } }: ReturnType<typeof stuckHere>[number]): string {
  return `${plain(release)} is stuck (${reasonText(reason ?? state)})`
}

/** One line for each release; with `nodes` those of each below. The last line is the completeness. */
export function releasesLines(
  answer: ReleasesJson,
  terminal: Paint,
  options: { wide: boolean; nodes: boolean },
): string[] {
  const { releases } = answer
  const columns = options.wide ? [...narrow(terminal), ...WIDE] : narrow(terminal)
  const table = releases.length === 0 ? ['no release is announced'] : tableLines(columns, releases)
  const below = options.nodes ? releases.flatMap((release) => ['', ...nodesOf(release, terminal)]) : []
  return [...table, ...below, ...notesOf(answer), completenessLine(answer)]
}

/** All about the releases of an answer, one after the other. `rates`: of somebody who watches them. */
export function releaseLines(answer: ReleasesJson, terminal: Paint, rates?: FleetRates): string[] {
  const blocks = answer.releases.flatMap((release) => [
    `${terminal.paint('bold', plain(release.release))}: ${stagesText(release)}`,
    ...pairLines(facts(release, rates?.text(release)), '', terminal.columns),
    ...warningLines(release, terminal),
    '',
    ...zoneTable(release, terminal),
    ...nodeTable(release.nodes, terminal),
  ])
  return [...blocks, ...notesOf(answer), completenessLine(answer)]
}

/** Why nothing of a role is there; zones in the same words as for `pimesh nodes`. */
export function notesOf({ zones = [], ended = [] }: ReleasesJson): string[] {
  const notes = ended.map(
    (role) =>
      `the role "${plain(role)}" has ended itself: nothing of it is begun any more, and what is installed stays`,
  )
  return [...notes, ...zones.filter(({ state }) => state !== 'forbidden').flatMap(zoneNote)]
}

/** `2 of 2 zones answered, oldest 9 s, freshness fresh`. */
export function completenessLine({ completeness, releases, freshness }: ReleasesJson): string {
  const unsaid = Math.max(0, ...releases.map((release) => release.unsaid))
  const { zonesAnswered, zonesKnown, oldestMs, complete } = completeness
  const oldest = oldestMs === null ? '' : `, oldest ${age(oldestMs)}`
  return `${zonesAnswered} of ${counted(zonesKnown, 'zone')} answered${oldest}${complete ? '' : ' (partial)'}${freshness === undefined ? '' : `, freshness ${freshness}`}${unsaid === 0 ? '' : `; +: ${saidText(unsaid)}`}`
}

function narrow(terminal: Paint): Column<ReleaseJson>[] {
  const stage = (name: Stage): Column<ReleaseJson> => ({
    title: name.toUpperCase(),
    right: true,
    cell: (release) => stagesOf(release.nodes)[name] + (name === 'installed' && release.unsaid > 0 ? '+' : ''),
    paint: (release, text) => (stagesOf(release.nodes)[name] === 0 ? text : terminal.paint(STAGE_COLOURS[name], text)),
  })
  return [
    { title: 'RELEASE', cell: (release) => release.release },
    { title: 'SIZE', right: true, cell: (release) => bytes(release.artifact.bytes) },
    ...STAGE_NAMES.map(stage),
    {
      title: 'WHY',
      cell: whyText,
      paint: (release, text) => (whyText(release) === '-' ? text : terminal.paint('red', text)),
    },
  ]
}

const WIDE: readonly Column<ReleaseJson>[] = [
  { title: 'HERE', cell: hereState },
  { title: 'COUNTER', right: true, cell: ({ counter }) => String(counter) },
  { title: 'ROLE', cell: ({ role, roleVersion }) => `${role} ${roleVersion}` },
  {
    title: 'TRAVELS',
    cell: ({ encoding }) => (encoding === null ? '-' : encodingText(encoding)),
  },
  { title: 'EXPIRES', cell: ({ expires }) => expires.slice(0, 10) },
  { title: 'HASH', cell: ({ hash }) => hash.slice(0, 16) },
  { title: 'FOR', cell: ({ to }) => to },
]

/** `2 disk full, 1 no provider, 1 down`: what keeps nodes from having it, the most frequent first. */
export function whyText(release: ReleaseJson): string {
  const marks = [
    ...(release.withdrawn === true ? ['withdrawn'] : []),
    ...(release.frozen ? ['role frozen'] : []),
    ...(release.expired ? ['expired'] : []),
  ]
  const counts = new Map<string, number>()
  for (const node of release.nodes) {
    const why = nodeWhy(node)
    if (why !== undefined && !marks.includes(why)) counts.set(why, (counts.get(why) ?? 0) + 1)
  }
  const reasons = [...counts]
    .sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
    .map(([why, count]) => `${count} ${why}`)
  return [...marks, ...reasons].join(', ') || '-'
}

/** What keeps one node from having it; undefined when nothing does. */
export function nodeWhy(node: InstallJson): string | undefined {
  return node.reason === null ? downText(node) : reasonText(node.reason)
}

/** A node that is gone before it had the release keeps it from being everywhere. */
function downText({ state, status }: InstallJson): string | undefined {
  return STAGES[state] === 'installed' || status === 'up' || status === 'late' ? undefined : status
}

/** A record has room for four releases: what is under way or in trouble comes first, then what was installed last. */
function saidText(unsaid: number): string {
  return `${counted(unsaid, 'node')} ${unsaid === 1 ? 'tells' : 'tell'} of four other releases first, and may have it`
}

export function stagesText({ nodes, unsaid }: ReleaseJson): string {
  if (nodes.length === 0) return unsaid > 0 ? saidText(unsaid) : 'no node that answered has it or waits for it'
  const counts = stagesOf(nodes)
  const others = STAGE_NAMES.filter((name) => name !== 'installed' && counts[name] > 0)
  return [
    `installed on ${counts.installed} of ${counted(nodes.length, 'node')}`,
    ...others.map((name) => `${counts[name]} ${name}`),
    ...(unsaid > 0 ? [saidText(unsaid)] : []),
  ].join(', ')
}

/** `10.0 MB as zstd, 39 pieces`. */
export function encodingText({ type, bytes: size, pieces }: NonNullable<ReleaseJson['encoding']>): string {
  return `${bytes(size)} ${type === 'identity' ? 'as it is' : `as ${type}`}, ${counted(pieces, 'piece')}`
}

function facts(release: ReleaseJson, fleet: string | undefined): [string, string][] {
  const { artifact, encoding, here } = release
  return [
    ['for', release.withdrawn === true ? 'no node' : plain(release.to)],
    ['counter', String(release.counter)],
    ['role', `${release.role}, version ${release.roleVersion}, until ${release.expires.slice(0, 10)}`],
    ['artifact', bytes(artifact.bytes)],
    ['SHA-256', artifact.hash],
    ['travels', encoding === null ? 'in a form that needs a newer pimesh' : encodingText(encoding)],
    ['installer', release.installer ?? 'one that needs a newer pimesh'],
    ...requiresFact(release),
    ['release', release.hash],
    ...(here === null ? [] : [['here', hereText(here, hereState(release))] as [string, string]]),
    ...(here?.sources === undefined ? [] : [['came', sourcesText(here.sources)] as [string, string]]),
    ...(fleet === undefined ? [] : [['fleet', fleet] as [string, string]]),
    ...(here?.installedAt ? [['in use', here.installedAt] as [string, string]] : []),
  ]
}

function requiresFact({ requires = [] }: ReleaseJson): [string, string][] {
  const names = requires.map(({ hash, release }) => plain(release ?? `${hash.slice(0, 16)}, which is not announced`))
  return names.length === 0 ? [] : [['together with', names.join(', ')]]
}

/** An operator's peer installs nothing: what it has whole, it serves, as far as its budgets let it. */
export function hereState({ here, selected }: Pick<ReleaseJson, 'here' | 'selected'>): string {
  if (here === null) return '-'
  if (selected !== null || here.state !== 'verified') return here.state
  if (here.paused === undefined) return 'served'
  return here.paused.lan ? 'not served' : 'served over the LAN alone'
}

/** `fetching, 40 %, 4.0 MB of 10.0 MB, 1.3 MB/s, 5 s left, from 3 members (2 have all)`. */
export function hereText(here: InstallHereJson, word: string): string {
  const { state, bytes: done, totalBytes: total, bytesPerSecond: rate, providers, copies } = here
  const trouble = hereTrouble(here, word)
  const why = trouble === undefined ? '' : ` (${plain(trouble)})`
  const saved = here.savedBytes === undefined ? '' : `, by a patch that saves ${bytes(here.savedBytes)}`
  if (state !== 'fetching') return `${word}${why}${saved}`
  const from =
    providers === 0
      ? 'nobody has it'
      : `from ${counted(providers, 'member')} (${copies} ${copies === 1 ? 'has' : 'have'} all)`
  return `fetching${why}, ${progressText({ done, total, rate })}, ${from}${saved}`
}

/** Of an operator's peer the fleet knows no reason: what is wrong is a sentence alone. */
function hereTrouble({ state, reason, detail, paused }: InstallHereJson, word: string): string | undefined {
  return detail ?? (reason === null ? undefined : reasonText(reason)) ?? (word === state ? undefined : paused?.detail)
}

export function warningLines(release: ReleaseJson, terminal: Paint): string[] {
  const { columns = Number.POSITIVE_INFINITY } = terminal
  const lines = (texts: readonly string[], colour: 'red' | 'yellow') =>
    texts.flatMap((text) => wrapped(text, columns)).map((line) => terminal.paint(colour, line))
  return [...lines(warnings(release), 'red'), ...lines(doubts(release), 'yellow')]
}

function warnings({ frozen, expired, unsupported, withdrawn }: ReleaseJson): string[] {
  return [
    ...(withdrawn === true
      ? [
          'withdrawn: no further node begins it, and where it is in use it stays until another release of the path is published',
        ]
      : []),
    ...(frozen ? ['frozen: two announcements of one version were signed; publish again to lift that'] : []),
    ...(expired ? ['expired: no node begins to install it; publish again'] : []),
    ...(unsupported === null ? [] : [`passed on, but not installed by this version of pimesh: ${plain(unsupported)}`]),
  ]
}

function doubts({ expiry }: ReleaseJson): string[] {
  if (expiry !== 'unknown') return []
  return ["whether it has expired cannot be said: this machine's clock is not known to be synchronised"]
}

function nodesOf(release: ReleaseJson, terminal: Paint): string[] {
  return [
    `${terminal.paint('bold', plain(release.release))}: ${stagesText(release)}`,
    ...nodeTable(release.nodes, terminal),
  ]
}

function nodeTable(nodes: readonly InstallJson[], terminal: Paint): string[] {
  if (nodes.length === 0) return []
  return tableLines<InstallJson>(
    [
      { title: 'NODE', cell: ({ name }) => name },
      { title: 'ZONE', cell: ({ zone }) => zone },
      {
        title: 'STATE',
        cell: ({ state }) => state,
        paint: ({ state }, text) => terminal.paint(STAGE_COLOURS[STAGES[state] ?? 'fetching'], text),
      },
      { title: 'DONE', right: true, cell: ({ percent }) => `${percent} %` },
      {
        title: 'STATUS',
        cell: ({ status }) => status,
        paint: ({ status }, text) =>
          terminal.paint(statusColours[status as keyof typeof statusColours] ?? 'grey', text),
      },
      { title: 'AGE', right: true, cell: ({ ageMs }) => age(ageMs) },
      { title: 'WHY', cell: ({ reason }) => (reason === null ? '-' : reasonText(reason)) },
    ],
    nodes,
  )
}
