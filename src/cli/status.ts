// `pimesh status`: this machine's daemon on one screen, with an exit status for cron and monitoring.
import { Failure } from '../core/failure.ts'
import { type ApiClient, apiClient } from '../daemon/api-client.ts'
import type { FleetJson } from '../daemon/api-fleet-types.ts'
import { withNode } from '../daemon/api-reach-types.ts'
import { type CacheJson, type LinkJson, type ReleasesJson, refusalText, type StatusJson } from '../daemon/api-types.ts'
import { budgetLines } from './format/budgets.ts'
import { labelsText } from './format/node-columns.ts'
import { countsText } from './format/nodes.ts'
import { bytes, counted, percent, span } from './format/quantity.ts'
import { isForwarded, pathText, reachAdvice, reachLines, roundTripText } from './format/reach.ts'
import { stuckHere, stuckText } from './format/releases.ts'
import { pairLines } from './format/table.ts'
import { fleetLine } from './format/zones.ts'
import { type Command, type Context, dataOption, outputOption } from './frame/command.ts'
import { dataFolder } from './frame/folders.ts'
import { plain, type Terminal } from './frame/terminal.ts'

export const status: Command = {
  name: 'status',
  summary: "this machine's daemon on one screen",
  usage: '[-o table|json]',
  details: `Exit status, for cron and monitoring: 0 fine; 1 degraded (no link, no way out of the LAN for a minute, a node of the
zone is down, an alert, no beacon for three periods, a release that cannot be installed here, or the membership ends within
30 days); 2 no daemon answers.`,
  options: { ...outputOption, ...dataOption },
  examples: [
    ['pimesh status', 'look'],
    ['pimesh status >/dev/null || mail -s "pimesh on $(hostname)" me', 'in a cron job'],
  ],
  run,
}

const NO_DAEMON = 2
const DAY = 86_400_000
const EXPIRES_SOON = 30 * DAY
/** A restart of the router, or of the relays, is over by then; the daemon tells of it as late. */
const CUT_OFF = 60_000

async function run(context: Context): Promise<number> {
  const { args, terminal } = context
  const output = args.choice('output', ['table', 'json'], 'table')
  try {
    const client = apiClient(dataFolder(context))
    const [answer, rollout, fleet] = await Promise.all([
      client.status(),
      client.releases({ local: true }),
      knownFleet(client),
    ])
    if (output === 'json') terminal.json(answer)
    else terminal.print(statusLines(answer, rollout, terminal, Date.now(), fleet).join('\n'))
    return troubles(answer, rollout, Date.now()).length === 0 ? 0 : 1
  } catch (error) {
    if (!(error instanceof Failure && error.code === 'E_NO_DAEMON')) throw error
    terminal.complain(error)
    return NO_DAEMON
  }
}

/** What the daemon knows of the whole fleet; undefined when it is older than this command. */
async function knownFleet(client: ApiClient): Promise<FleetJson | undefined> {
  try {
    return await client.fleet()
  } catch (error) {
    if (error instanceof Failure && error.code === 'E_PROTOCOL') return undefined
    throw error
  }
}

/** Whether this is the first node of its mesh and has not heard of another: nothing is wrong with that. */
export function alone({ isolated, role, contacts }: Pick<StatusJson, 'isolated' | 'role' | 'contacts'>): boolean {
  return isolated && role === 'node' && contacts.nodes === 0
}

/** What is not as it should be; empty when all is fine. `rollout`: what this daemon knows of releases by itself. */
export function troubles(status: StatusJson, { releases }: Pick<ReleasesJson, 'releases'>, now: number): string[] {
  const { isolated, counts, alerts, zone } = status
  const searching = status.reach?.searchingMs ?? 0
  const left = Date.parse(status.membershipExpires) - now
  const stuck = stuckHere(releases)
  return [
    ...(status.revoked ? [revokedText(status.revoked)] : []),
    ...(isolated && !alone(status) ? ['isolated'] : []),
    ...(!isolated && searching >= CUT_OFF ? [`no way out of the LAN since ${span(searching)}`] : []),
    ...(counts.down > 0 ? [`${counted(counts.down, 'node')} of ${zone} down`] : []),
    ...(status.freshness === 'stale' ? ['stale: no newer beacon for three periods'] : []),
    ...(alerts.length > 0 ? [counted(alerts.length, 'alert')] : []),
    ...(stuck.length > 1 ? [`${counted(stuck.length, 'release')} are stuck`] : stuck.map(stuckText)),
    ...(left < EXPIRES_SOON ? [left < 0 ? 'the membership has ended' : `the membership ends in ${span(left)}`] : []),
  ]
}

function revokedText({ proven, by }: NonNullable<StatusJson['revoked']>): string {
  return proven
    ? 'this node is revoked'
    : `${counted(by.length, 'member')} did not admit this node, saying that it is revoked`
}

export function statusLines(
  status: StatusJson,
  rollout: Pick<ReleasesJson, 'releases'>,
  terminal: Pick<Terminal, 'paint'>,
  now: number,
  fleet?: FleetJson,
): string[] {
  const wrong = troubles(status, rollout, now)
  const stuck = stuckHere(rollout.releases)
  const fine = alone(status) ? 'fine: the only node so far' : 'fine'
  const verdict =
    wrong.length === 0 ? terminal.paint('green', fine) : terminal.paint('red', `degraded: ${wrong.join('; ')}`)
  return [
    `${terminal.paint('bold', plain(status.name))} in ${status.zone}: ${verdict}`,
    ...pairLines([
      ...identity(status, now),
      ...fleetLines(status, fleet),
      ...activity(status),
      ...budgetLines(status.budgets, rollout.releases),
    ]),
    ...listed('alerts', status.alerts, (alert) => `${alert.kind}: ${alert.detail} (${span(alert.ageMs)} ago)`),
    ...(stuck.length === 0
      ? []
      : listed('releases', stuck, (one) => `${stuckText(one)}: ${one.here.detail ?? 'no more is known'}`)),
    ...listed('links', status.links, linkText),
  ]
}

function identity(status: StatusJson, now: number): [string, string][] {
  const { facts, counts } = status
  const expires = span(Date.parse(status.membershipExpires) - now)
  return [
    ['name', plain(status.name)],
    ['node', `${status.node} (${status.role === 'node' ? `node, incarnation ${status.incarnation}` : status.role})`],
    ['mesh', `${status.mesh} (root version ${status.rootVersion})`],
    [
      'membership',
      `until ${status.membershipExpires.slice(0, 10)} (${expires} left)${status.countersigned ? '' : ', not countersigned'}`,
    ],
    ...timeLines(status),
    ['zone', status.role === 'node' ? `${status.zone} (${countsText(counts)})` : status.zone],
    ['labels', plain(labelsText(status.labels)) || 'none'],
    ...MACHINE.map((fact): [string, string] => [fact, plain(String(facts[fact] ?? 'not known'))]),
  ]
}

/** The whole fleet, as this node heard of it, and whether it speaks for its zone. */
function fleetLines({ role }: StatusJson, fleet: FleetJson | undefined): [string, string][] {
  if (fleet === undefined) return []
  const parts = { active: 'for its zone', standby: 'when the active reporter of its zone is silent', none: 'no' }
  return [
    ['fleet', plain(fleetLine(fleet))],
    ...(role === 'node' ? [['reports', parts[fleet.part]] as [string, string]] : []),
  ]
}

/** What this node can say of time: whether something newer may be withheld, and what ends soon. */
function timeLines({ freshness, beacon, clockTrusted, endingSoon = [] }: StatusJson): [string, string][] {
  if (freshness === undefined) return []
  const ending = endingSoon.map(({ what, expires }) => `${plain(what)} on ${expires.slice(0, 10)}`)
  return [
    ['freshness', freshnessText(freshness, beacon, clockTrusted === true)],
    ['ends soon', ending.join(', ') || 'nothing'],
  ]
}

function freshnessText(freshness: string, beacon: StatusJson['beacon'], isSynchronised: boolean): string {
  if (!beacon) return `${freshness}: this mesh has no beacons`
  const { time, periodMs, signs } = beacon
  const newest = time === null ? 'no beacon yet' : `newest beacon of ${time.slice(0, 16)}Z`
  const own = isSynchronised ? 'this node signs them' : 'this node signs none before its clock is synchronised'
  return `${freshness}: ${newest}, one is due every ${span(periodMs)}${signs ? `; ${own}` : ''}`
}

/** What a selector may ask of the machine, by its name there. */
const MACHINE = ['model', 'os', 'kernel', 'arch', 'cpus'] as const

function activity(status: StatusJson): [string, string][] {
  const { process, traffic, contacts, refusals } = status
  const cpu = status.uptimeMs > 0 ? percent(process.cpuMs / status.uptimeMs) : '?'
  const refused = Object.entries(refusals).filter(([, count]) => count > 0)
  const uptime = span(status.uptimeMs)
  return [
    [
      'daemon',
      `pimesh ${status.version}, pid ${process.pid}, since ${uptime}, ${bytes(process.residentBytes)} memory, CPU ${cpu} of a core`,
    ],
    ['data', status.data],
    ...listening(status),
    ...reachLines(status).map(([title, text]): [string, string] => [title, plain(text)]),
    ...improvement(status),
    ['traffic', `${bytes(traffic.bytesIn)} in, ${bytes(traffic.bytesOut)} out`],
    ...cacheLines(status),
    ['contacts', `${counted(contacts.nodes, 'node')} in ${counted(contacts.zones, 'zone')}`],
    [
      'refused',
      refused.map(([code, count]) => `${counted(count, 'time')}: ${refusalText(code)}`).join('; ') || 'nothing',
    ],
  ]
}

/** What is kept for others, of how much that may be. */
function cacheLines({ cache }: StatusJson): [string, string][] {
  if (cache === undefined) return []
  const text = ({ encodings, bytes: used, limitBytes }: CacheJson) =>
    `${bytes(used)} of ${bytes(limitBytes)} (${counted(encodings, 'encoding')})`
  const { old, forwarded } = cache
  return [
    ['kept', old.limitBytes === 0 ? 'nothing that no release names' : `${text(old)} that no release names any more`],
    ...(forwarded.limitBytes === 0
      ? []
      : [['forwarded', `${text(forwarded)} for zones that cannot reach each other`] as [string, string]]),
  ]
}

/** One line for each address, as "pimesh invite --via" takes it; those of relays are under `reached`. */
function listening({ listening, node }: StatusJson): [string, string][] {
  const own = listening.filter((address) => !isForwarded(address))
  if (own.length === 0) return [['listening', 'nowhere']]
  return own.map((address, at) => [at === 0 ? 'listening' : '', withNode(address, node)])
}

function improvement(status: StatusJson): [string, string][] {
  const advice = alone(status) ? undefined : reachAdvice(status)
  return advice === undefined ? [] : [['better', advice]]
}

function linkText(link: LinkJson): string {
  const who = `${link.name ?? link.node.slice(0, 16)}${link.zone === null ? '' : ` in ${link.zone}`}`
  const path = link.path === undefined ? '' : `, ${pathAndTime(link.path)}`
  return `${who}${path}, ${link.direction} ${link.address}, since ${span(link.ageMs)}`
}

function pathAndTime(path: NonNullable<LinkJson['path']>): string {
  return path.roundTripMs === null ? pathText(path) : `${pathText(path)} in ${roundTripText(path)}`
}

function listed<T>(title: string, items: readonly T[], text: (item: T) => string): string[] {
  if (items.length === 0) return [`${title}: none`]
  return [`${title}:`, ...items.map((item) => `  ${plain(text(item))}`)]
}
