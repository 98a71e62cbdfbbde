// The tally of a leaf zone: its figures, from what one of its members has heard.
import { toHex, utf8 } from '../bytes.ts'
import type { Env, Millis, NodeId } from '../env.ts'
import { limits } from '../limits.ts'
import type { InstallState } from '../rollout/states.ts'
import { type Figures, mostReleases, mostVersions, type Worst, type WorstReason, worstOf } from './figures.ts'
import { type Measure, measured, measureOf } from './metric-names.ts'
import { reading } from './rates.ts'
import type { AlertKind } from './rows.ts'
import { addValue, SKETCHED, type Sketch, type SketchName } from './sketch.ts'
import type { Member } from './view.ts'

type Values = Readonly<Record<SketchName, number | null>>

const reader = (name: string) => {
  const measure = measureOf(name) as Measure
  return (record: Member['record']) => measured(measure, reading(record))
}
const memory = reader('mem_available')
const root = reader('disk_available')
const data = reader('data_available')
const temperature = reader('cpu_temp')
const load = reader('load1')
const uptime = reader('uptime')

/** What install states make a node one of the worst. */
const FAILED: readonly InstallState[] = ['failed', 'rolledBack']

/** The figures of a zone, as one of its members sees it now. @param alertsOf what was raised about a node */
export function tally(
  zone: string,
  members: readonly Member[],
  alertsOf: (node: NodeId) => readonly AlertKind[],
  now: Millis,
): Figures {
  const counts = { up: 0, late: 0, down: 0, left: 0 }
  const alerts: Partial<Record<AlertKind, number>> = {}
  let sketches: Sketch[] = SKETCHED.map(() => [])
  const worst: Worst[] = []
  const present: Member[] = []
  for (const member of members) {
    counts[member.status] += 1
    if (member.status === 'left') continue
    for (const kind of alertsOf(member.node)) alerts[kind] = (alerts[kind] ?? 0) + 1
    const values = valuesOf(member, now)
    const why = reasonOf(member, values, now)
    if (why !== undefined) worst.push({ node: member.node, zone, ...why })
    if (member.status === 'down') continue
    present.push(member)
    sketches = SKETCHED.map(({ name }, at) => addValue(sketches[at] as Sketch, name, values[name] ?? Number.NaN))
  }
  return {
    ...{ zones: 1, dark: 0, darkZones: [], counts, alerts, sketches },
    ...{ ...releasesOf(present), ...versionsOf(present) },
    worst: worstOf(worst),
  }
}

/** 16 bytes, hex, of what a digest is made of: `members` name each part with its order. */
export function commitmentTo(
  env: Pick<Env, 'sha256'>,
  members: readonly { name: string; incarnation: number; counter: number }[],
): string {
  const lines = members.map(({ name, incarnation, counter }) => `${name} ${incarnation} ${counter}\n`)
  return toHex(env.sha256(utf8(lines.sort().join(''))).subarray(0, 16))
}

function valuesOf({ record, rates, heard }: Member, now: Millis): Values {
  const disks = [root(record), data(record)].filter((value) => value !== null)
  return {
    cpu_busy: rates?.cpuBusy ?? null,
    mem_available: memory(record),
    disk_available: disks.length === 0 ? null : Math.min(...disks),
    cpu_temp: temperature(record),
    load1: load(record),
    io_pressure: rates?.ioPressure ?? null,
    uptime: uptime(record),
    record_age: Math.max(0, now - heard) / 1_000,
  }
}

/** The first reason that holds; undefined for a node that nobody has to look at. */
function reasonOf(
  { record, status, heard }: Member,
  values: Values,
  now: Millis,
): { why: WorstReason; value: number } | undefined {
  const silent = Math.max(0, Math.round((now - heard) / 1_000))
  if (status === 'down') return { why: 'down', value: silent }
  const read = reading(record)
  const readonly = [
    read('node_filesystem_readonly{mountpoint="/"}'),
    read('node_filesystem_readonly{mountpoint="data"}'),
  ]
  if (readonly.includes(1)) return { why: 'readonly', value: 0 }
  if (record.installs.some(({ state }) => FAILED.includes(state))) return { why: 'installFailed', value: 0 }
  const { disk_available: disk, mem_available: ram, cpu_temp: heat } = values
  if (disk !== null && disk < limits.worstDisk) return { why: 'disk', value: percent(disk) }
  if (ram !== null && ram < limits.worstMemory) return { why: 'memory', value: percent(ram) }
  if (heat !== null && heat >= limits.worstTemperature) return { why: 'temperature', value: Math.round(heat) }
  return status === 'late' ? { why: 'late', value: silent } : undefined
}

const percent = (share: number): number => Math.max(0, Math.floor(100 * share))

function releasesOf(members: readonly Member[]): Pick<Figures, 'releases' | 'otherReleases'> {
  const reports = members.flatMap(({ record }) => record.installs)
  return mostReleases(
    reports.map(({ release8, state }) => ({ release8, states: { [state]: 1 } })),
    0,
  )
}

function versionsOf(members: readonly Member[]): Pick<Figures, 'versions' | 'otherVersions'> {
  const told = members.map(({ record }) => record.version).filter((version) => version !== undefined)
  return mostVersions(
    told.map((version) => ({ version, count: 1 })),
    members.length - told.length,
  )
}
