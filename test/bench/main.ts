// The benchmarks: npm run bench -- NAME [--json]. Progress on stderr, a table on stdout, one JSON object as the last line.
import { parseArgs } from 'node:util'
import { KINDS, type Kind } from '../lab/description.ts'
import { benchDaemon } from './daemon.ts'
import { benchFetch } from './fetch.ts'
import { benchHistory } from './history.ts'
import { benchLan } from './lan.ts'
import { benchModel } from './model.ts'
import { benchPatch, pairs } from './patch.ts'
import { benchProfile } from './profile.ts'
import { benchReach } from './reach.ts'
import { benchRecover } from './recover.ts'
import { cases } from './recover-cases.ts'
import { benchSoak } from './soak.ts'
import { benchSwarm, SWARM_ENTRIES, USUAL_ENTRIES } from './swarm.ts'
import { FIELD_KINDS, type Size } from './swarm-field.ts'
import { benchThin } from './thin.ts'
import { benchTrust } from './trust.ts'
import { benchUpkeep } from './upkeep.ts'

export interface Report {
  /** One JSON object; its keys are documented in docs/benchmarks.md. */
  json: Record<string, unknown>
  /** Lines for a person. */
  table: string[]
  /** False: a bar was missed, and whoever runs it is to be told by its status. */
  ok?: boolean
}

interface Settings {
  /** Length of an idle window. */
  seconds: number
  /** How often a transfer is repeated. */
  rounds: number
  /** Kinds of NAT, each beside each; how often a pair tries; whether both sites have the same LAN addresses. */
  kinds: Kind[]
  tries: number
  sameLan: boolean
  /** The one case of recovery, or pair of versions, that is measured; how long cables are out in it. */
  only: string | undefined
  cableSeconds: number
  minutes: number
  seed: number
  small: boolean
  /** The field of the swarm, how often each entry runs in it, which do, and the file that what pimesh did is appended to. */
  size: Size
  /** Of one transfer on loopback. */
  bytes: number
  runs: number
  entries: readonly string[]
  trace: string | undefined
}

const benches: Record<string, (say: (line: string) => void, settings: Settings) => Promise<Report>> = {
  daemon: benchDaemon,
  fetch: (say, { rounds, bytes }) => benchFetch(say, { rounds, bytes }),
  history: benchHistory,
  lan: benchLan,
  model: benchModel,
  patch: benchPatch,
  profile: benchProfile,
  reach: benchReach,
  recover: benchRecover,
  soak: benchSoak,
  swarm: (say, { size, runs, entries, trace }) => benchSwarm(say, { size, runs, only: entries, trace }),
  thin: benchThin,
  trust: benchTrust,
  upkeep: benchUpkeep,
}

function usage(problem: string): never {
  const names = Object.keys(benches).join('|')
  const options =
    '[--json] [--seconds 60|300] [--rounds 3] [--tries 10] [--kinds plain,random,...] [--same-lan] [--only CASE] [--cable-seconds 60] [--minutes 30] [--seed 1] [--small] [--sites 3 --nodes 4 --mib 32 --runs 3 --kind plain|random --trace FILE]'
  process.stderr.write(`bench: ${problem}; usage: npm run bench -- ${names} ${options}\n`)
  process.exit(2)
}

function readArguments() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        json: { type: 'boolean', default: false },
        seconds: { type: 'string' },
        rounds: { type: 'string', default: '3' },
        kinds: { type: 'string', default: 'plain,random,double,rst,tcp443' },
        tries: { type: 'string', default: '10' },
        'same-lan': { type: 'boolean', default: false },
        only: { type: 'string' },
        'cable-seconds': { type: 'string', default: '60' },
        minutes: { type: 'string', default: '30' },
        seed: { type: 'string', default: '1' },
        small: { type: 'boolean', default: false },
        sites: { type: 'string', default: '3' },
        nodes: { type: 'string', default: '4' },
        mib: { type: 'string' },
        runs: { type: 'string', default: '3' },
        kind: { type: 'string', default: 'plain' },
        trace: { type: 'string' },
      },
    })
  } catch (error) {
    return usage((error as Error).message)
  }
}

function whole(name: string, text: string, least: number, most: number): number {
  const value = Number(text)
  if (Number.isInteger(value) && value >= least && value <= most) return value
  return usage(`--${name} must be a whole number from ${least} to ${most}`)
}

function kinds(text: string): Kind[] {
  const named = text.split(',')
  const strange = named.find((name) => !(name in KINDS))
  if (strange !== undefined) usage(`there is no NAT kind "${strange}"; there are ${Object.keys(KINDS).join(', ')}`)
  return named as Kind[]
}

/** Bytes of the file that is transferred. */
function mib(usual: string): number {
  return whole('mib', values.mib ?? usual, 1, 2048) * 2 ** 20
}

function size(): Size {
  const kind = FIELD_KINDS.find((one) => one === values.kind)
  if (kind === undefined) usage(`--kind is one of ${FIELD_KINDS.join(', ')}, not "${values.kind}"`)
  const bytes = mib('32')
  return { sites: whole('sites', values.sites, 1, 40), nodes: whole('nodes', values.nodes, 1, 60), kind, bytes }
}

/** What --only means depends on the benchmark: a case of recover, or entries of swarm. */
function only(allowed: readonly string[], what: string): string[] | undefined {
  const named = values.only?.split(',')
  const strange = named?.find((name) => !allowed.includes(name))
  if (strange !== undefined) usage(`there is no ${what} "${strange}"; there are ${allowed.join(', ')}`)
  return named
}

function onlyOne(bench: 'recover' | 'patch'): string | undefined {
  const [allowed, what] = bench === 'patch' ? [pairs, 'pair of versions'] : [cases, 'case']
  return only(Object.keys(allowed), what)?.join()
}

const { values, positionals } = readArguments()
const bench = benches[positionals[0] ?? '']
if (bench === undefined || positionals.length > 1) usage(`there is no benchmark "${positionals.join(' ')}"`)
const settings = {
  seconds: whole('seconds', values.seconds ?? (positionals[0] === 'model' ? '300' : '60'), 10, 600),
  rounds: whole('rounds', values.rounds, 1, 20),
  kinds: kinds(values.kinds),
  tries: whole('tries', values.tries, 1, 100),
  sameLan: values['same-lan'],
  only: positionals[0] === 'recover' || positionals[0] === 'patch' ? onlyOne(positionals[0]) : undefined,
  cableSeconds: whole('cable-seconds', values['cable-seconds'], 1, 86_400),
  minutes: whole('minutes', values.minutes, 1, 600),
  seed: whole('seed', values.seed, 0, 2 ** 32 - 1),
  small: values.small,
  size: size(),
  bytes: mib('256'),
  runs: whole('runs', values.runs, 1, 20),
  entries: positionals[0] === 'swarm' ? (only(SWARM_ENTRIES, 'entry') ?? USUAL_ENTRIES) : [],
  trace: values.trace,
}
const report = await bench((line) => process.stderr.write(`${line}\n`), settings)
if (!values.json) process.stdout.write(`${report.table.join('\n')}\n`)
process.stdout.write(`${JSON.stringify(report.json)}\n`)
if (report.ok === false) process.exitCode = 1
