// Acceptance A3: from an attached operator all six daemons of two zones with all their metrics; one that is killed is seen
// as down in time, by its zone and by the operator; started again it is the same node, in its next incarnation.
import { cpus, totalmem, uptime } from 'node:os'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { METRICS, type MetricName } from '../../src/core/fleet/metrics.ts'
import { limits, SECOND } from '../../src/core/limits.ts'
import type { NodeJson, NodesJson, StatusJson } from '../../src/daemon/api-types.ts'
import { Fleet } from './fleet.ts'

const NORTH = '/e2e/north'
const SOUTH = '/e2e/south'
const PLACES = { n1: NORTH, n2: NORTH, n3: NORTH, s1: SOUTH, s2: SOUTH, s3: SOUTH }
const VICTIM = 's2'
/** A killed process is down in its zone within this (docs/fleet.md, section 7). */
const BOUND = 8 * SECOND
/** What any Linux machine has, in a container too. */
const CERTAIN: readonly MetricName[] = [
  ...(['user', 'nice', 'system', 'idle', 'iowait', 'irq', 'softirq'] as const).map(
    (mode) => `node_cpu_seconds_total{mode="${mode}"}` as const,
  ),
  'node_cpu_count',
  'node_load1',
  'node_load5',
  'node_load15',
  'node_memory_MemTotal_bytes',
  'node_memory_MemAvailable_bytes',
  'node_memory_SwapTotal_bytes',
  'node_memory_SwapFree_bytes',
  'node_filesystem_size_bytes{mountpoint="/"}',
  'node_filesystem_avail_bytes{mountpoint="/"}',
  'node_filesystem_readonly{mountpoint="/"}',
  'node_uptime_seconds',
  'node_boot_id',
  'node_network_receive_bytes_total',
  'node_network_transmit_bytes_total',
  'node_vmstat_oom_kill',
  'process_resident_memory_bytes',
  'process_cpu_seconds_total',
]
/** What only a Raspberry Pi has. */
const PI_ONLY: readonly MetricName[] = ['node_hwmon_in_lcrit_alarm_volts', 'rpi_undervoltage_total', 'rpi_throttled']

let fleet: Fleet
beforeAll(async () => {
  fleet = await Fleet.make()
  await fleet.done('init', '--mesh', fleet.path('mesh'))
  await fleet.add('n1', await fleet.invite(NORTH, '--first', '--label', 'room=attic'))
  const via = await fleet.address('n1')
  const [north, south, operator] = await Promise.all([
    fleet.invite(NORTH, '--seats', '2', '--via', via),
    fleet.invite(SOUTH, '--seats', '3', '--via', via),
    fleet.invite('/', '--via', via),
  ])
  await Promise.all([
    ...['n2', 'n3'].map((name) => fleet.add(name, north)),
    ...['s1', 's2', 's3'].map((name) => fleet.add(name, south)),
    fleet.add('operator', operator, 'attach'),
  ])
  await fleet.until('the operator sees six nodes up', 30 * SECOND, async () => {
    const { nodes, completeness } = await fleet.client('operator').nodes()
    return completeness.complete && nodes.length === 6 && nodes.every(({ status }) => status === 'up')
  })
})
afterAll(() => fleet?.dispose())

/** The rows as `pimesh nodes -o json` prints them; its exit status was 0. */
const ask = (name: string, ...more: string[]) => fleet.json<NodesJson>('nodes', '--data', fleet.path(name), ...more)
const rowOf = (answer: NodesJson, name: string) => answer.nodes.find((node) => node.name === name)

async function victimSeenBy(observer: string): Promise<NodeJson | undefined> {
  const zones = observer === 'operator' ? [] : [PLACES[VICTIM]]
  return rowOf(await fleet.client(observer).nodes({ zones }), VICTIM)
}

describe('an attached operator', () => {
  it('lists all six nodes, each up and fresh, and says that both zones answered', async () => {
    const answer = await ask('operator')
    expect(Object.fromEntries(answer.nodes.map(({ name, zone }) => [name, zone]))).toEqual(PLACES)
    for (const { name, ageMs, promiseMs, status, incarnation, alerts } of answer.nodes) {
      expect({ name, status, incarnation, alerts }).toEqual({ name, status: 'up', incarnation: 1, alerts: [] })
      expect(ageMs, `age of the record of ${name}`).toBeLessThan(limits.lateAfterPromises * promiseMs)
    }
    expect(answer.completeness).toMatchObject({ zonesAnswered: 2, zonesKnown: 2, complete: true })
    expect(answer.completeness.oldestMs).toBe(Math.max(...answer.nodes.map(({ ageMs }) => ageMs as number)))
    expect(rowOf(answer, 'n1')?.labels).toEqual({ room: 'attic' })
    const table = await fleet.done('nodes', '--data', fleet.path('operator'))
    expect(table.split('\n').at(-1)).toMatch(/^2 of 2 zones answered, 6 nodes, all up, oldest \d+ s$/)
  })

  it('shows every tier-A metric by name: a figure where this machine has it, null where it has not', async () => {
    for (const { name, metrics } of (await ask('operator')).nodes) {
      expect(Object.keys(metrics), name).toEqual(METRICS.map((metric) => metric.name))
      const missing = CERTAIN.filter((metric) => metrics[metric] === null)
      expect(missing, `what ${name} says that it does not have`).toEqual([])
      if (process.arch === 'x64') expect(PI_ONLY.map((metric) => metrics[metric])).toEqual([null, null, null])
      expect(metrics.node_cpu_count).toBe(cpus().length)
      expect(metrics.node_memory_MemTotal_bytes).toBe(Math.floor(totalmem() / 1024) * 1024)
      expect(Math.abs((metrics.node_uptime_seconds as number) - uptime())).toBeLessThan(60)
    }
  })

  it('reads one node by name, by id and by the beginning of its id, as a table and as JSON', async () => {
    const { node } = rowOf(await ask('operator'), 's3') as NodeJson
    for (const which of ['s3', node, node.slice(0, 20)]) {
      const { nodes } = await fleet.json<NodesJson>('get', 'node', which, '--data', fleet.path('operator'))
      expect(nodes.map(({ name, zone }) => [name, zone])).toEqual([['s3', SOUTH]])
    }
    const table = await fleet.done('get', 'node', 's3', '--data', fleet.path('operator'))
    for (const { name } of METRICS) expect(table).toContain(`\n${name} `)
  })
})

describe('a plain node', () => {
  it('sees the rows of its zone and only counts of the other', async () => {
    const answer = await fleet.client('n2').nodes()
    expect(answer.nodes.map(({ name }) => name).sort()).toEqual(['n1', 'n2', 'n3'])
    expect(answer.zones).toContainEqual(
      expect.objectContaining({ zone: SOUTH, counts: expect.objectContaining({ up: 3 }) }),
    )
    expect(await fleet.run(['status', '--data', fleet.path('n2')])).toMatchObject({
      ...{ status: 0, err: '' },
      out: expect.stringContaining(`n2 in ${NORTH}: fine\n`),
    })
  })
})

describe('a daemon that is killed', () => {
  let before: NodeJson
  /** When it was killed, on the monotonic clock of this process. */
  let killed: number

  beforeAll(async () => {
    before = rowOf(await ask('operator'), VICTIM) as NodeJson
    killed = performance.now()
    await fleet.stop(VICTIM, 'SIGKILL')
  })

  it.each(['s1', 's3', 'operator'])('is down within 8 s for %s', async (observer) => {
    const down = await fleet.until(`${observer} sees it down`, killed + BOUND - performance.now(), async () => {
      const row = await victimSeenBy(observer)
      return row?.status === 'down' && row
    })
    expect(down).toMatchObject({ node: before.node, zone: SOUTH, incarnation: before.incarnation })
  })

  it('is so by the word of its witnesses, who cannot reach it, and not by its silence', async () => {
    const { events } = await fleet.client('s1').events()
    const gone = events.filter(({ text }) => text.startsWith(`${VICTIM} is down`))
    expect(gone).toHaveLength(1)
    expect(gone[0]?.text).toMatch(/: s[13](, s[13])? cannot reach it$/)
  })

  it('shows in the commands: the row, its last words, and what status says', async () => {
    const answer = await ask('operator')
    expect(answer.nodes.filter(({ status }) => status !== 'up').map(({ name }) => name)).toEqual([VICTIM])
    expect(answer.completeness).toMatchObject({ zonesAnswered: 2, zonesKnown: 2, complete: true })
    const { nodes } = await fleet.json<NodesJson>('get', 'node', VICTIM, '--data', fleet.path('operator'))
    expect(nodes[0]).toMatchObject({ status: 'down', metrics: { node_cpu_count: cpus().length } })
    const status = (name: string) => fleet.run(['status', '--data', fleet.path(name)])
    expect(await status('s1')).toMatchObject({ status: 1, out: expect.stringContaining('degraded: 1 node of') })
    expect(await status('n1')).toMatchObject({ status: 0 })
    expect(await status(VICTIM)).toMatchObject({ status: 2, out: '', err: expect.stringContaining('[E_NO_DAEMON]') })
  })

  it('comes back as the same node in its next incarnation', async () => {
    await fleet.start(VICTIM)
    for (const observer of ['s1', 'operator']) {
      const up = await fleet.until(`${observer} sees it up again`, 30 * SECOND, async () => {
        const row = await victimSeenBy(observer)
        return row?.status === 'up' && row
      })
      expect(up).toMatchObject({ node: before.node, incarnation: before.incarnation + 1, alerts: [] })
    }
    const status = await fleet.json<StatusJson>('status', '--data', fleet.path(VICTIM))
    expect(status).toMatchObject({ node: before.node, incarnation: before.incarnation + 1, alerts: [] })
  })
})
