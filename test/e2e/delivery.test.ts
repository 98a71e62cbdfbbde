// Acceptance E2: nobody is needed for long. The peer that publishes ends as soon as one node holds the artifact, and the others
// complete from each other; a node that was off all the time gets it from them when it comes up.
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { limits, SECOND } from '../../src/core/limits.ts'
import { Fleet } from './fleet.ts'
import {
  committed,
  hasInstalled,
  heldBy,
  initMesh,
  MIB,
  piecesOnDisk,
  publish,
  randomArtifact,
  releaseAt,
} from './releases.ts'

const NORTH = '/e2e/north'
const SOUTH = '/e2e/south'
/** It is stopped in the middle of its download, as a machine may be that swaps, and goes on later. */
const SLOW = 'n2'
const OFF = 's2'
const OTHERS = ['n1', 's1']
/** An awake node looks often enough that a download of 24 MiB does not begin and end between two looks. */
const LOOK = 5

let fleet: Fleet
beforeAll(async () => {
  fleet = await Fleet.make()
  await initMesh(fleet)
  await fleet.add('n1', await fleet.invite(NORTH, '--first'))
  const via = await fleet.address('n1')
  const [north, south, operator] = await Promise.all([
    fleet.invite(NORTH, '--via', via),
    fleet.invite(SOUTH, '--seats', '2', '--via', via),
    fleet.invite('/', '--via', via),
  ])
  await Promise.all([
    fleet.add(SLOW, north),
    fleet.add('s1', south),
    fleet.add(OFF, south),
    fleet.add('operator', operator, 'attach'),
  ])
  await fleet.until('the operator sees all four nodes', 30 * SECOND, async () => {
    const { nodes } = await fleet.client('operator').nodes()
    return nodes.filter(({ status }) => status === 'up').length === 4
  })
  await fleet.stop(OFF, 'SIGTERM')
})
afterAll(() => fleet?.dispose())

describe('a release whose publisher ends when one node holds the artifact', () => {
  const artifact = randomArtifact(24 * MIB)

  it('is completed and installed by all the others', async () => {
    const slow = stoppedInTheMiddle()
    await Promise.all([publish(fleet, 'operator', artifact, 'true'), slow])
    await fleet.until('one node holds all of it', 30 * SECOND, async () => {
      const here = await Promise.all(OTHERS.map((name) => releaseAt(fleet, name)))
      return here.some((release) => release?.here?.percent === 100)
    })
    expect((await fleet.stop('operator', 'SIGTERM')).status).toBe(0)
    const { size } = await piecesOnDisk(fleet, SLOW, artifact)
    expect(size * limits.pieceBytesMin, `bytes that ${SLOW} has`).toBeLessThan(artifact.bytes.length)
    fleet.running(SLOW).child.kill('SIGCONT')
    await Promise.all([SLOW, ...OTHERS].map((name) => committed(fleet, name, artifact, 60 * SECOND)))
    expect(hasInstalled(fleet, 'operator')).toBe(false)
  })

  it('comes to a node that was off all that time', async () => {
    await fleet.start(OFF)
    await committed(fleet, OFF, artifact, 60 * SECOND)
  })

  async function stoppedInTheMiddle(): Promise<void> {
    const bound = performance.now() + 30 * SECOND
    while ((await heldBy(fleet, SLOW, artifact)) === 0) {
      if (performance.now() > bound) throw new Error(`${SLOW} has nothing of it:\n${fleet.running(SLOW).log()}`)
      await pause(LOOK)
    }
    fleet.running(SLOW).child.kill('SIGSTOP')
  }
})
