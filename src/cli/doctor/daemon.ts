// Checks of the daemon and of what it sees of the mesh.
import { Failure } from '../../core/failure.ts'
import { limits } from '../../core/limits.ts'
import type { BudgetsJson } from '../../daemon/api-budget-types.ts'
import { apiClient } from '../../daemon/api-client.ts'
import type { StatusJson } from '../../daemon/api-types.ts'
import { pausedText, shortages, shortageText } from '../format/budgets.ts'
import { countsText } from '../format/nodes.ts'
import { age, counted, span } from '../format/quantity.ts'
import { isForwarded } from '../format/reach.ts'
import { pausedHere, reasonText, stuckHere, stuckText } from '../format/releases.ts'
import { alone } from '../status.ts'
import { type Check, fail, failed, ok, warn } from './check.ts'
import { reachCheck } from './reach.ts'

const CONNECT_TIMEOUT = 3_000
const DAY = 86_400_000

/** `status`: what the daemon answered, or why there was none. */
export async function daemonChecks(data: string, status: StatusJson | Failure): Promise<Check[]> {
  if (status instanceof Failure) return [failed('daemon', status, `start it with "pimesh up --data ${data}"`)]
  const { process, version } = status
  return [
    ok('daemon', `pimesh ${version} answers, pid ${process.pid}`),
    await portCheck(status),
    linksCheck(status),
    ...reachCheck(status),
    zoneCheck(status),
    contactsCheck(status),
    mdnsCheck(status),
    rootCheck(status, Date.now()),
    ...(await fleetChecks(data)),
    ...(await releaseChecks(data, status)),
    ...freshnessCheck(status),
    ...endingCheck(status),
  ]
}

/** Not at the address of the router: many do not let their own LAN in that way. */
async function portCheck({ listening, role, reach }: StatusJson): Promise<Check> {
  const own = listening.filter((address) => !isForwarded(address))
  const inside = own.filter((address) => !reach?.public.includes(address))
  const targets = (inside.length > 0 ? inside : own).flatMap((address) => {
    const [, host, port] = /^\/ip[46]\/([^/]+)\/tcp\/(\d+)/.exec(address) ?? []
    return host === undefined ? [] : [{ host, port: Number(port) }]
  })
  const [target] = targets
  if (target === undefined) {
    if (role === 'operator') return ok('port', 'none: an operator only dials')
    return warn(
      'port',
      'it listens nowhere',
      'give "listen" an address in the configuration, so that others can reach it',
    )
  }
  const shown = `${target.host} port ${target.port}`
  if (await connects(target)) return ok('port', `${shown} accepts connections from here`)
  return fail('port', `${shown} does not accept connections from here`, 'look for a firewall on this machine')
}

async function connects(target: { host: string; port: number }): Promise<boolean> {
  const { connect } = await import('node:net')
  return await new Promise((resolve) => {
    const socket = connect({ ...target, timeout: CONNECT_TIMEOUT })
    const done = (works: boolean) => {
      socket.destroy()
      resolve(works)
    }
    socket.once('connect', () => done(true))
    socket.once('timeout', () => done(false))
    socket.once('error', () => done(false))
  })
}

function linksCheck(status: StatusJson): Check {
  const { links } = status
  if (links.length > 0) return ok('links', counted(links.length, 'link'))
  if (alone(status)) return ok('links', 'none: the only node so far')
  return fail(
    'links',
    'isolated: no link to any other node',
    'check the network, and that another member runs and can be reached',
  )
}

function zoneCheck({ zone, counts, role }: StatusJson): Check {
  if (role === 'operator') return ok('zone', 'an operator belongs to none')
  const members = counts.up + counts.late + counts.down
  if (members > limits.zoneAdvised)
    return warn(
      'zone',
      `${zone}: ${countsText(counts)}; with more than ${limits.zoneAdvised} nodes records come more slowly`,
      'cut it into cells: "pimesh invite --cells N" for nodes that join, so that each cell has at most 32',
    )
  if (counts.down === 0) return ok('zone', `${zone}: ${countsText(counts)}`)
  return warn('zone', `${zone}: ${countsText(counts)}`, '"pimesh nodes" shows which ones')
}

/** Nothing, unless an inner zone has too many children. An older daemon says nothing of them. */
async function fleetChecks(data: string): Promise<Check[]> {
  const fleet = await apiClient(data)
    .fleet()
    .catch((error: unknown) => {
      if (error instanceof Failure) return undefined
      throw error
    })
  return (fleet?.levels ?? []).flatMap(({ zone, children }) => {
    if (children.length <= limits.zoneAdvised) return []
    const text = `${counted(children.length, 'zone')} directly below ${zone}: digests come once in ${children.length} s`
    return [
      warn(
        'fleet',
        text,
        `put zones between, such as /country/site, so that no zone has more than ${limits.zoneAdvised} below it`,
      ),
    ]
  })
}

function contactsCheck(status: StatusJson): Check {
  const { contacts } = status
  if (alone(status)) return ok('contacts', 'none: the only node so far')
  const text = `${counted(contacts.nodes, 'node')} in ${counted(contacts.zones, 'zone')}`
  if (contacts.nodes > 1) return ok('contacts', text)
  return warn(
    'contacts',
    text,
    'with one way into the mesh, losing that node isolates this one; more come by themselves once others join',
  )
}

function mdnsCheck({ mdns, role }: StatusJson): Check {
  if (mdns || role === 'operator') return ok('mdns', mdns ? 'on: members on the LAN find each other' : 'off')
  return warn(
    'mdns',
    'off',
    'switch it on in the configuration where nodes share a LAN, so that they find each other without any known address',
  )
}

function freshnessCheck({ freshness, beacon }: StatusJson): Check[] {
  if (freshness === undefined) return []
  if (!beacon) return [ok('freshness', 'unproven: this mesh has no beacons, so a freeze would not be seen')]
  if (freshness !== 'stale') return [ok('freshness', freshness)]
  const advice =
    'look at the nodes that hold the beacon keys, and at the links of this one: something newer may be withheld from it'
  return [warn('freshness', `stale: no newer beacon for three periods of ${span(beacon.periodMs)}`, advice)]
}

/** The root has a check of its own. */
function endingCheck({ endingSoon = [] }: StatusJson): Check[] {
  const ending = endingSoon.filter(({ what }) => what !== 'root')
  if (ending.length === 0) return []
  const text = ending.map(({ what, expires }) => `${what} on ${expires.slice(0, 10)}`).join(', ')
  return [
    warn('ends soon', text, 'sign anew what is named before it ends; publishing any release of a role renews the role'),
  ]
}

function rootCheck({ rootVersion, rootIssued, rootExpires, endingSoon }: StatusJson, now: number): Check {
  const left = Date.parse(rootExpires) - now
  const text = `version ${rootVersion}, issued ${age(now - Date.parse(rootIssued))} ago, until ${rootExpires.slice(0, 10)}`
  if (left < 0)
    return warn(
      'root',
      `${text}: expired`,
      "renew the root with the mesh's root key; nodes go on, but nobody can prove it current",
    )
  // An older daemon does not say what ends soon.
  const endsSoon = endingSoon?.some(({ what, expires }) => what === 'root' && Date.parse(expires) - now === left)
  return (endsSoon ?? left < 30 * DAY)
    ? warn('root', text, "renew the root soon, with the mesh's root key")
    : ok('root', text)
}

/** What was to be installed here and does not get on: one check each, or one that says that there is none; and what the budgets say. */
async function releaseChecks(data: string, status: StatusJson): Promise<Check[]> {
  const budgets = budgetCheck(status.budgets)
  if (status.role === 'operator') return [ok('releases', 'an operator installs none'), ...budgets]
  try {
    const { releases } = await apiClient(data).releases({ local: true })
    const [stuck, waiting] = [stuckHere(releases), pausedHere(releases)]
    const fails = stuck.map((release) => fail('releases', stuckText(release), release.here.detail ?? REASONS))
    const waits = waiting.map(({ release, here }) =>
      warn('releases', `${release} waits (${reasonText(here.reason ?? '')})`, here.detail ?? REASONS),
    )
    const short = shortages(status.budgets, releases).map((one) => warn('budgets', shortageText(one), SHORT))
    const fine = [...fails, ...waits].length === 0 ? [ok('releases', 'none is stuck here')] : []
    return [...fails, ...waits, ...fine, ...budgets, ...short]
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    return [failed('releases', error, 'look at the log of the daemon')]
  }
}

const SHORT =
  'what is missing then comes next month, or over the LAN; to have it sooner raise swarm.monthly in the configuration'
const SPENT = 'raise swarm.monthly in the configuration, or wait'
const CLOCK = 'let systemd-timesyncd or chrony set the clock, or take swarm.hours out of the configuration'

/** What the owner wanted so is fine; that a month is used up, or the hour cannot be told, he may want to mend. */
function budgetCheck(budgets: BudgetsJson | undefined): Check[] {
  if (budgets === undefined) return []
  const { paused } = budgets
  if (paused === null) return [ok('budgets', 'nothing is paused')]
  const text = `paused ${pausedText(paused)}`
  if (paused.reason === 'month') return [warn('budgets', text, SPENT)]
  return [paused.reason === 'clock' ? warn('budgets', text, CLOCK) : ok('budgets', text)]
}

const REASONS = 'docs/publishing.md says what to do about each reason'
