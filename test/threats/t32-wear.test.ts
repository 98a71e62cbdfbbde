// T32: what a node writes to its card, as the kernel counts it (write_bytes: pages that became dirty). An update writes its encoding and
// its artifact once each, and little else; a node that does nothing writes less in a day than the budget, by what one flush of its state costs.

import { createHash, randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { DAY, limits, SECOND } from '../../src/core/limits.ts'
import { Fleet } from '../e2e/fleet.ts'
import { type Artifact, committed, initMesh, MIB, publishQuickly, releaseAt } from '../e2e/releases.ts'

const ZONE = '/t32/north'
const PROVIDER = 'provider'
const NODE = 'node'
const MB = 1_000_000
const IDLE_PER_DAY = 10 * MB
/** The shortest period that a configuration allows, and how long is looked: some flushes, and what comes between them. */
const FLUSH = 10 * SECOND
const WINDOW = 60 * SECOND

let fleet: Fleet
beforeAll(async () => {
  fleet = await Fleet.make()
  await initMesh(fleet)
  const extra = `state.flush = ${FLUSH / SECOND}`
  await fleet.add(PROVIDER, await fleet.invite(ZONE, '--first'), 'up', { extra })
  await fleet.add(NODE, await fleet.invite(ZONE, '--via', await fleet.address(PROVIDER)), 'up', { extra })
  await fleet.until('the two are linked', 60 * SECOND, async () => {
    return (await fleet.client(PROVIDER).status()).links.length === 1
  })
}, 180_000)
afterAll(() => fleet?.dispose())

/** Bytes that the node's process made dirty so far; what it writes to sockets is not among them. */
async function written(): Promise<number> {
  const io = await readFile(`/proc/${fleet.running(NODE).child.pid}/io`, 'utf8')
  const count = (name: string) => Number(new RegExp(`^${name}: (\\d+)`, 'm').exec(io)?.[1])
  return count('write_bytes')
}

/** Letters of a hexadecimal text: what travels is half as long. */
function hexArtifact(length: number): Artifact {
  const bytes = Buffer.from(randomBytes(length / 2).toString('hex'))
  return { bytes, hash: createHash('sha256').update(bytes).digest('hex') }
}

test('T32 wear: an update writes its encoding once and its artifact once', async () => {
  const artifact = hexArtifact(32 * MIB)
  const before = await written()
  await publishQuickly(fleet, PROVIDER, artifact, `name == "${NODE}"`)
  await committed(fleet, NODE, artifact, 120 * SECOND)
  const encoding = (await releaseAt(fleet, NODE))?.here?.totalBytes as number
  expect(encoding).toBeLessThan(0.6 * artifact.bytes.length)
  const wrote = (await written()) - before
  expect(wrote).toBeGreaterThan(0.9 * (encoding + artifact.bytes.length))
  expect(wrote).toBeLessThanOrEqual(1.05 * encoding + 1.02 * artifact.bytes.length + 5 * MB)
}, 180_000)

test('T32 wear: an idle node writes less in a day than its budget', async () => {
  const before = await written()
  const from = performance.now()
  await pause(WINDOW)
  const time = performance.now() - from
  const perFlush = ((await written()) - before) / (time / FLUSH)
  // Everything in the window is laid to its flushes, of which there is one in viewFlushPeriod.
  expect((perFlush * DAY) / limits.viewFlushPeriod).toBeLessThanOrEqual(IDLE_PER_DAY)
}, 180_000)
