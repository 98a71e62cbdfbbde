// The daemon's configuration: one table of keys, from which the parser, its failures and the check of config/default.toml follow.
// A person writes seconds; the program gets milliseconds.
import { parse, TomlError } from 'smol-toml'
import type { Millis } from '../core/env.ts'
import { Failure } from '../core/failure.ts'
import { HOUR, limits, SECOND } from '../core/limits.ts'
import { editDistance } from '../core/nearest.ts'
import type { Allowance } from '../core/swarm/budgets.ts'
import { hostProblem, MEMBER_ADDRESS, memberAddressProblem } from '../wire/member-address.ts'
import { addresses, type ConfigKey, folder, isCount, loopback, oneOf, PATH, seconds, shown } from './config-kinds.ts'
import { degrees, hours, measure, quantity, RATE_UNITS, room, VOLUME_UNITS } from './config-quantities.ts'
import type { LoopbackAddress } from './metrics/listener.ts'

export const LOG_LEVELS = ['error', 'warn', 'info', 'debug'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

export const RELAY_MODES = ['auto', 'always', 'never'] as const

export interface Config {
  /** Multiaddrs to listen on. */
  listen: readonly string[]
  /** Multiaddrs told to others beside those we listen on. */
  announce: readonly string[]
  /** Multiaddrs with /p2p/ID of members to ask first. */
  bootstrap: readonly string[]
  health: { period: Millis }
  discovery: { mdns: boolean }
  /** Whether this node forwards for others, and its budgets: members, bytes a second, bytes in 30 days. */
  relay: { offer: (typeof RELAY_MODES)[number]; reservations: number; rate: number; monthly: number }
  /** What fetching and serving may take; and `dht`: whether this node asks the directory for providers, tells it of what it has, and serves in it when it can be dialled. */
  swarm: Allowance & {
    dht: boolean
    /** Bytes of encodings kept for others: that no release names any more, and that were fetched for them only. */
    cache: number
    forward: number
  }
  state: { flush: Millis }
  /** Where releases are installed; relative paths are below the data folder. */
  install: { root: string }
  /** Fetch and serve every release, whether this node is selected or not. */
  artifacts: { mirror: boolean }
  /** File with the beacon key that this machine signs with; relative paths are below the data folder; empty: none. */
  beacon: { key: string }
  /** Folders with custom collectors, '' for none; relative paths are below the data folder. How often programs are run, and for how long at most. */
  collectors: { textfiles: string; programs: string; period: Millis; timeout: Millis }
  /** Where /metrics is served over TCP; undefined: nowhere. */
  http: { listen: LoopbackAddress | undefined }
  log: { level: LogLevel }
}

const IP_TCP = /^\/ip[46]\/[^/]+\/tcp\/\d+$/
const ANNOUNCED = '"/dns4/pi.example.org/tcp/31415"'
const HOST_TCP = /^\/(ip[46]|dns[46]?)\/[^/]+\/tcp\/\d+$/

export const CONFIG_KEYS = {
  listen: addresses({
    must: 'a list of addresses such as "/ip4/0.0.0.0/tcp/31415"',
    default: ['/ip4/0.0.0.0/tcp/31415', '/ip6/::/tcp/31415'],
    why: 'port 31415 of every interface: zone-mates dial us there',
    accepts: (address) => IP_TCP.test(address),
  }),
  announce: addresses({
    must: `a list of addresses such as ${ANNOUNCED}`,
    default: [],
    why: 'a forwarded port or a name cannot be seen from inside',
    problem: (address) => (HOST_TCP.test(address) ? hostProblem(address) : `is not an address such as ${ANNOUNCED}`),
  }),
  bootstrap: addresses({
    must: `a list of addresses such as "${MEMBER_ADDRESS}"`,
    default: [],
    why: 'the invite and the address book know members already; this is for a node that was away for long',
    length: 2 * limits.addressLength,
    problem: memberAddressProblem,
  }),
  'health.period': seconds({
    default: limits.recordPeriodMin / SECOND,
    from: limits.recordPeriodFloor / SECOND,
    to: limits.recordPeriodMax / SECOND,
    why: 'the shortest time between two records of this node: below it a zone of 25 costs every Pi more than 4 kB/s',
  }),
  'discovery.mdns': {
    must: 'true or false',
    default: true,
    why: 'finds zone-mates on the same LAN without the internet',
    read: (value) => (typeof value === 'boolean' ? value : undefined),
  } satisfies ConfigKey<boolean>,
  'relay.offer': oneOf(RELAY_MODES, {
    default: 'auto',
    why: 'whoever can be dialled from outside forwards for those that cannot, within its budgets; no relay is special',
  }),
  'relay.reservations': {
    must: `a whole number of members from 0 to ${limits.relayReservations}`,
    default: limits.relayReservations,
    why: 'each costs a link, and a node has two relays',
    read: (value) => (isCount(value) && value <= limits.relayReservations ? value : undefined),
  } satisfies ConfigKey<number>,
  'relay.rate': measure({
    ...{ what: 'a rate', units: RATE_UNITS, examples: '"2 MB/s" or "16 Mbit/s"', least: '10 kB/s', most: '1 GB/s' },
    default: '2 MB/s',
    why: 'what is forwarded goes through the uplink of this node: 16 Mbit/s leave room on most',
  }),
  'relay.monthly': measure({
    ...{ what: 'an amount in 30 days', units: VOLUME_UNITS, examples: '"200 GB"', least: '1 MB', most: '1000 TB' },
    default: '200 GB',
    why: 'a thirtieth of it can go in a day, so that a restart spends none of it twice',
  }),
  'swarm.upload': quantity({
    ...{ what: 'a rate', units: RATE_UNITS, examples: '"2 MB/s" or "16 Mbit/s"', least: '1 kB/s', most: '10 GB/s' },
    why: 'what pieces may take of the uplink, to all members together; who has a thin one shares it with others',
  }),
  'swarm.each': quantity({
    ...{ what: 'a rate', units: RATE_UNITS, examples: '"500 kB/s" or "4 Mbit/s"', least: '1 kB/s', most: '10 GB/s' },
    why: 'what one member may take, whether it gives anything or not; below an uplink, so that others have their part',
  }),
  'swarm.download': quantity({
    ...{ what: 'a rate', units: RATE_UNITS, examples: '"2 MB/s" or "16 Mbit/s"', least: '1 kB/s', most: '10 GB/s' },
    why: 'what pieces may take of the downlink',
  }),
  'swarm.monthly': quantity({
    ...{ what: 'an amount', units: VOLUME_UNITS, examples: '"20 GB"', least: '1 MB', most: '1000 TB' },
    why: 'both ways together, as providers count; when it is used up the LAN goes on',
  }),
  'swarm.hours': {
    must: 'a list of times of the day such as ["22:00-06:00"], at most 16, or [] for all hours',
    default: [],
    ...hours,
    why: 'a line that people need by day is free at night; local time of this machine',
  } satisfies ConfigKey<NonNullable<Allowance['hours']>>,
  'swarm.hot': {
    must: 'a number of degrees Celsius from 40 to 110, or "never"',
    default: 85,
    why: 'where a Pi is throttled for good; work that can wait should not heat it further',
    read: degrees,
  } satisfies ConfigKey<number | 'never'>,
  'swarm.lan': {
    must: 'true or false',
    default: false,
    why: 'the owner of a site pays for its uplink, not for its switch',
    read: (value) => (typeof value === 'boolean' ? value : undefined),
  } satisfies ConfigKey<boolean>,
  'state.flush': seconds({
    default: limits.viewFlushPeriod / SECOND,
    from: 10,
    to: HOUR / SECOND,
    why: "how often the zone's view is written: 25 rows every 10 minutes are 1.5 MB a day on the SD card",
  }),
  'install.root': {
    must: 'a path without control characters',
    default: 'installed',
    why: 'every release goes below it, whatever a publisher says; a relative path is below the data folder',
    read: (value) => (typeof value === 'string' && PATH.test(value) ? value : undefined),
  } satisfies ConfigKey<string>,
  'artifacts.mirror': {
    must: 'true or false',
    default: false,
    why: 'a member that is always on and keeps every release for the others, so that publishers may go',
    read: (value) => (typeof value === 'boolean' ? value : undefined),
  } satisfies ConfigKey<boolean>,
  'swarm.dht': {
    must: 'true or false',
    default: true,
    why: 'one way more to whoever has a release; it costs nothing while zone, contacts and origin have it, and else eight links for a while',
    read: (value) => (typeof value === 'boolean' ? value : undefined),
  } satisfies ConfigKey<boolean>,
  'swarm.cache': room({
    default: '1 GB',
    why: 'who comes late, or goes back a version, finds it nearby; it makes way as soon as the disk needs the room',
  }),
  'swarm.forward': room({
    default: 'none',
    why: 'what a member that can be dialled from outside fetches for zones that cannot reach each other: costs its disk and its uplink',
  }),
  'beacon.key': {
    must: 'the path of a key file, or "" for none',
    default: '',
    why: 'a node whose key is in the beacon role of the root signs once a period what it holds, so that others notice a freeze',
    read: (value) => (typeof value === 'string' && (value === '' || PATH.test(value)) ? value : undefined),
  } satisfies ConfigKey<string>,
  'collectors.textfiles': folder('files *.prom with series of yours, as for node_exporter; none unless you say so'),
  'collectors.programs': folder(
    'programs that print series of yours; they run as the user of the daemon, so only root and that user may change them',
  ),
  'collectors.period': seconds({
    default: limits.collectorPeriod / SECOND,
    from: limits.collectorPeriodMin / SECOND,
    to: limits.collectorPeriodMax / SECOND,
    why: 'each run starts a program, which costs a small board 10 to 50 ms',
  }),
  'collectors.timeout': seconds({
    default: limits.collectorTimeout / SECOND,
    from: limits.collectorTimeoutMin / SECOND,
    to: limits.collectorTimeoutMax / SECOND,
    why: 'they run one at a time: one that hangs delays the others by so much',
  }),
  'http.listen': {
    must: 'an address of this machine for itself with a port, such as "127.0.0.1:3141", or "" for none',
    default: '',
    why: 'who scrapes over the unix socket needs none; any user and any program of this machine may read what is served here',
    read: loopback,
  } satisfies ConfigKey<LoopbackAddress | 'none'>,
  'log.level': oneOf(LOG_LEVELS, { default: 'info', why: 'a few lines a day: starts, stops, refusals and alerts' }),
}
export type ConfigKeyName = keyof typeof CONFIG_KEYS

const names = Object.keys(CONFIG_KEYS) as ConfigKeyName[]
const groups = new Set(names.filter((name) => name.includes('.')).map((name) => name.slice(0, name.indexOf('.'))))

/**
 * The configuration in `text` (TOML), or all defaults when undefined. `where` names the file in failures.
 * Throws E_CONFIG for a syntax error or a value that cannot be, E_CONFIG_KEY for an unknown key.
 */
export function loadConfig(text: string | undefined, where: string): Config {
  const given = new Map<ConfigKeyName, unknown>()
  if (text !== undefined) collect(parseToml(text, where), '', given, where)
  const value = <K extends ConfigKeyName>(name: K) => {
    const key = CONFIG_KEYS[name] as ConfigKey<NonNullable<ReturnType<(typeof CONFIG_KEYS)[K]['read']>>>
    const read = key.read(given.has(name) ? given.get(name) : key.default)
    if (read !== undefined) return read
    const problem = key.problem?.(given.get(name))
    if (problem !== undefined) throw new Failure('E_CONFIG', `${where}: ${name}: ${problem}`)
    return refuse(name, given.get(name), key.must, where)
  }
  return {
    listen: value('listen'),
    announce: value('announce'),
    bootstrap: value('bootstrap'),
    health: { period: value('health.period') },
    discovery: { mdns: value('discovery.mdns') },
    relay: {
      // Who would be refused in any case need not be told to ask.
      offer: value('relay.reservations') === 0 ? 'never' : value('relay.offer'),
      reservations: value('relay.reservations'),
      rate: value('relay.rate'),
      monthly: value('relay.monthly'),
    },
    swarm: {
      upload: bound(value('swarm.upload')),
      each: bound(value('swarm.each')),
      download: bound(value('swarm.download')),
      monthly: bound(value('swarm.monthly')),
      hours: value('swarm.hours'),
      hot: bound(value('swarm.hot')),
      lan: value('swarm.lan'),
      dht: value('swarm.dht'),
      cache: value('swarm.cache'),
      forward: value('swarm.forward'),
    },
    state: { flush: value('state.flush') },
    install: { root: value('install.root') },
    artifacts: { mirror: value('artifacts.mirror') },
    beacon: { key: value('beacon.key') },
    collectors: {
      textfiles: value('collectors.textfiles'),
      programs: value('collectors.programs'),
      period: value('collectors.period'),
      timeout: value('collectors.timeout'),
    },
    http: { listen: addressOr(value('http.listen')) },
    log: { level: value('log.level') },
  }
}

/** Words stand for no bound at all. */
function bound(value: number | string): number | undefined {
  return typeof value === 'number' ? value : undefined
}

function parseToml(text: string, where: string): Record<string, unknown> {
  try {
    return parse(text)
  } catch (error) {
    if (!(error instanceof TomlError)) throw error
    const problem = error.message.split('\n')[0]?.replace('Invalid TOML document: ', '')
    throw new Failure(
      'E_CONFIG',
      `${where}, line ${error.line}, column ${error.column}: this is not TOML: ${problem}`,
      {
        cause: error,
      },
    )
  }
}

function collect(table: Record<string, unknown>, prefix: string, given: Map<ConfigKeyName, unknown>, where: string) {
  for (const [key, value] of Object.entries(table)) {
    const path = prefix + key
    const name = names.find((known) => known === path)
    if (name !== undefined) given.set(name, value)
    else if (!groups.has(path)) throw unknownKey(firstLeaf(path, value), where)
    else if (isTable(value)) collect(value, `${path}.`, given, where)
    else refuse(path, value, `a table with ${names.filter((known) => known.startsWith(`${path}.`)).join(', ')}`, where)
  }
}

const isTable = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date)

function firstLeaf(path: string, value: unknown): string {
  const [first] = isTable(value) ? Object.entries(value) : []
  return first === undefined ? path : firstLeaf(`${path}.${first[0]}`, first[1])
}

function refuse(key: string, value: unknown, must: string, where: string): never {
  throw new Failure('E_CONFIG', `${where}: ${key} is ${shown(value)}, it must be ${must}`)
}

function unknownKey(path: string, where: string): Failure {
  const distances = names.map((name) => ({ name, distance: keyDistance(path, name) }))
  const nearest = distances.reduce((best, next) => (next.distance < best.distance ? next : best))
  return new Failure('E_CONFIG_KEY', `${where}: there is no key "${path}"; the nearest one is "${nearest.name}"`)
}

/** People mistype a name, or put it in the wrong table. */
function keyDistance(path: string, name: string): number {
  const last = (dotted: string) => dotted.slice(dotted.lastIndexOf('.') + 1)
  return Math.min(editDistance(path, name), editDistance(last(path), last(name)) + 1)
}

function addressOr(address: LoopbackAddress | 'none'): LoopbackAddress | undefined {
  return address === 'none' ? undefined : address
}
