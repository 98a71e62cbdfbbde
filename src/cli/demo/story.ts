// The story of the demo, step by step: a mesh, six nodes, an operator; a release reaches all of them; one node dies and comes back.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Failure } from '../../core/failure.ts'
import { withNode } from '../../daemon/api-reach-types.ts'
import type { NodeJson, NodesJson } from '../../daemon/api-types.ts'
import { type Artifact, type Delivery, deliver, PUBLISHER } from './delivery.ts'
import type { Display } from './display.ts'
import { type Fleet, OPERATOR } from './fleet.ts'
import { freePorts } from './ports.ts'

export interface Summary {
  /** All six seen by the operator, with metrics; since the start. */
  readyMs: number
  /** Metrics that this machine has. */
  metrics: number
  delivery: Delivery
  victim: string
  /** Since the kill. */
  lateMs: number
  downMs: number
  /** Since the restart. */
  backMs: number
  incarnation: number
}

const NORTH = ['north-1', 'north-2', 'north-3']
const SOUTH = ['south-1', 'south-2', 'south-3']
const NODES = [...NORTH, ...SOUTH]
const VICTIM = 'south-2'
const START_BOUND = 20_000
const READY_BOUND = 30_000
/** `down` comes three promises of 10 s after the last record. */
const DOWN_BOUND = 40_000
const BACK_BOUND = 20_000

/** Tells it, and resolves to what was measured. Rejects with E_DEMO when something is missing. */
export async function tellStory(fleet: Fleet, display: Display, artifact: Artifact): Promise<Summary> {
  const mesh = fleet.path('mesh')
  const ports = new Map((await freePorts(NODES.length)).map((port, at) => [NODES[at] as string, port]))
  const member: Member = (name, token, seat) => enrol(fleet, { name, token, seat, port: ports.get(name) })
  display.step('a mesh: its keys and its root of trust')
  await fleet.command(['init', '--name', PUBLISHER, '--mesh', mesh])
  await firstNode(fleet, mesh, member)
  await others(fleet, mesh, member)
  display.step('six nodes run; the operator asks both zones')
  const metrics = await allUp(fleet, display)
  const readyMs = display.now()
  const delivery = await deliver(fleet, display, NODES, artifact)
  return { readyMs, metrics, delivery, victim: VICTIM, ...(await deathAndReturn(fleet, display)) }
}

type Member = (name: string, token: string, seat?: number) => Promise<void>

async function firstNode(fleet: Fleet, mesh: string, member: Member): Promise<void> {
  await member('north-1', await fleet.command(['invite', '--first', '--zone', '/demo/north', '--mesh', mesh]))
  fleet.start('north-1')
  await answering(fleet, ['north-1'])
}

/** The rest joins by the first node: three invites, one of them with three seats. */
async function others(fleet: Fleet, mesh: string, member: Member): Promise<void> {
  const { listening, node } = await fleet.client('north-1').status()
  const via = withNode(listening[0] ?? '', node)
  const invite = (zone: string, ...more: string[]) =>
    fleet.command(['invite', '--zone', zone, ...more, '--via', via, '--mesh', mesh])
  const [north, south, operator] = [
    await invite('/demo/north', '--seats', '2'),
    await invite('/demo/south', '--seats', '3'),
    await invite('/'),
  ]
  await Promise.all([
    ...NORTH.slice(1).map((name, seat) => member(name, north, seat)),
    ...SOUTH.map((name, seat) => member(name, south, seat)),
    member(OPERATOR, operator),
  ])
  const rest = [...NORTH.slice(1), ...SOUTH, OPERATOR]
  for (const name of rest) fleet.start(name)
  await answering(fleet, rest)
}

/** Joins, and writes the configuration that keeps a node of the demo on this machine. */
async function enrol(
  fleet: Fleet,
  node: { name: string; token: string; seat: number | undefined; port: number | undefined },
) {
  const { name, token, seat, port } = node
  const chosen = seat === undefined ? [] : ['--seat', String(seat)]
  await fleet.command(['join', '-', '--name', name, ...chosen, '--data', fleet.path(name)], { input: token })
  const listen = port === undefined ? '' : `"/ip4/127.0.0.1/tcp/${port}"`
  writeFileSync(join(fleet.path(name), 'pimesh.toml'), `listen = [${listen}]\n\n[discovery]\nmdns = false\n`)
}

async function answering(fleet: Fleet, names: readonly string[]): Promise<void> {
  await fleet.until(START_BOUND, async () => {
    for (const name of names) {
      try {
        await fleet.client(name).status()
      } catch (error) {
        if (!(error instanceof Failure)) throw error
        fleet.suspect = name
        return `the daemon ${name} does not answer (${error.message})`
      }
    }
    fleet.suspect = undefined
    return undefined
  })
}

/** Waits until the operator sees six nodes with metrics; resolves to the number of metrics. */
async function allUp(fleet: Fleet, display: Display): Promise<number> {
  let answer: NodesJson | undefined
  await fleet.until(READY_BOUND, async () => {
    answer = await looked(fleet, display)
    fleet.suspect = lackingNode(answer)
    return missingRows(answer)
  })
  if (answer === undefined) throw new Failure('E_DEMO', 'the operator has no answer')
  display.table(answer)
  return Math.min(...answer.nodes.map((node) => metricsOf(node)))
}

/** The first of the six that is not up with metrics. */
export function lackingNode({ nodes }: Pick<NodesJson, 'nodes'>): string | undefined {
  return NODES.find((name) => {
    const row = nodes.find((node) => node.name === name)
    return row?.status !== 'up' || metricsOf(row) === 0
  })
}

/** What an answer lacks of six nodes up, with metrics, in two zones. */
export function missingRows(answer: Pick<NodesJson, 'nodes' | 'completeness'>): string | undefined {
  const lacking = lackingNode(answer)
  if (lacking !== undefined) return `the operator does not see ${lacking} up with its metrics`
  const { complete, zonesAnswered } = answer.completeness
  return complete && zonesAnswered === 2 ? undefined : `only ${zonesAnswered} of 2 zones answered the operator`
}

function metricsOf(node: NodeJson): number {
  return Object.values(node.metrics).filter((value) => value !== null).length
}

async function looked(fleet: Fleet, display: Display): Promise<NodesJson> {
  const answer = await fleet.operatorNodes()
  display.live(answer)
  return answer
}

async function deathAndReturn(
  fleet: Fleet,
  display: Display,
): Promise<Pick<Summary, 'lateMs' | 'downMs' | 'backMs' | 'incarnation'>> {
  const before = await rowOf(fleet, display)
  await fleet.kill(VICTIM)
  const killed = display.now()
  display.step(`killed ${VICTIM} (SIGKILL): nobody hears from it, and nobody was told`)
  const lateMs = (await seen(fleet, display, ['late', 'down'], DOWN_BOUND)) - killed
  const downMs = (await seen(fleet, display, ['down'], DOWN_BOUND)) - killed
  const restarted = display.now()
  fleet.start(VICTIM)
  const backMs = (await seen(fleet, display, ['up'], BACK_BOUND)) - restarted
  const after = await rowOf(fleet, display)
  display.table(await fleet.operatorNodes())
  if (after.node !== before.node) throw new Failure('E_DEMO', `${VICTIM} came back with another node id`)
  if (after.incarnation <= before.incarnation)
    throw new Failure('E_DEMO', `${VICTIM} came back without a higher incarnation`)
  return { lateMs, downMs, backMs, incarnation: after.incarnation }
}

/** Waits until the operator sees the victim so; resolves to when. */
async function seen(
  fleet: Fleet,
  display: Display,
  wanted: readonly NodeJson['status'][],
  bound: number,
): Promise<number> {
  await fleet.until(bound, async () => {
    const status = (await rowOf(fleet, display)).status
    return wanted.includes(status) ? undefined : `${VICTIM} is still ${status} for the operator, not ${wanted[0]}`
  })
  display.step(`the operator sees ${VICTIM} ${wanted[0]}`)
  return display.now()
}

async function rowOf(fleet: Fleet, display: Display): Promise<NodeJson> {
  for (let attempt = 0; attempt < 3; attempt++) {
    const row = (await looked(fleet, display)).nodes.find((node) => node.name === VICTIM)
    if (row !== undefined) return row
  }
  throw new Failure('E_DEMO', `the operator lost sight of ${VICTIM}: its zone did not answer three times`)
}
