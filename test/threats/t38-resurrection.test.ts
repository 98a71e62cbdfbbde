// T38: a node is killed and `down` at the others. A hostile member of its zone says its records again, old ones and the newest
// one, on gossip and in the answer to a question: it stays down at everybody, also at one that was restarted. Its own return,
// with the next incarnation, is believed at once; the records of its former life then prove no second machine.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, test } from 'vitest'
import { compareRecords } from '../../src/core/fleet/record.ts'
import type { Envelope } from '../../src/core/fleet/rows.ts'
import { readJoined } from '../../src/daemon/folder.ts'
import { RECORD_KIND } from '../../src/wire/envelope.ts'
import { decodeRecord } from '../../src/wire/record.ts'
import { closeFleets, closeLater, configText, Fleet, type Member, NORTH, until } from './fleet.ts'
import { forge, Hostile } from './hostile.ts'

const PROGRAM = fileURLToPath(new URL('../../src/main.ts', import.meta.url))

afterAll(closeFleets)

test('T38 a dead node stays down whoever says its records again, and comes back by itself', async () => {
  const fleet = await Fleet.create()
  const a = await fleet.found('a')
  const b = await fleet.add('b', a)
  const everybody = [a, b]
  await fleet.join('victim', fleet.token({ through: [a] }))
  await fleet.join('hostile', fleet.token({ through: [a] }))
  const hostile = await Hostile.start(fleet.data('hostile'))
  for (const member of everybody) await hostile.dial(member)
  hostile.listen(NORTH)
  const { membership } = await readJoined(fleet.data('victim'))
  const victim = membership.claims.node
  // Votes and summaries are on that topic as well.
  const isRecord = ({ kind, membership: author }: Envelope) => kind === RECORD_KIND && author === membership.id
  const records = () => hostile.captured.filter(isRecord)

  const first = await run(fleet, 'victim')
  await until('some records of its first life', () => records().length >= 3)
  for (const member of everybody) await member.seesStatus(victim, 'up')
  await kill(first)
  for (const member of everybody) await member.seesStatus(victim, 'down')
  const from = new Map(everybody.map((member) => [member, member.lines.length]))
  const statusOf = (member: Member) =>
    member.logged('status', from.get(member)).filter((text) => text.startsWith('victim '))
  const formerLife = records().sort((one, other) => compareRecords(decodeRecord(one.body), decodeRecord(other.body)))
  const newest = (await hostile.rowsOf(a)).find((row) => row.node === victim)?.envelope as Envelope

  for (const member of everybody) await sayAgain(hostile, member, [...formerLife, newest])
  const told = [formerLife[0] as Envelope, newest].map((envelope) => ({ node: victim, envelope }))
  await hostile.tell(b, told)
  await sayAgain(hostile, b, [...formerLife, newest])
  for (const member of everybody) {
    expect(await member.row(victim)).toMatchObject({ status: 'down', incarnation: 1 })
    expect(statusOf(member)).toEqual([])
  }

  await run(fleet, 'victim')
  for (const member of everybody) {
    const row = await member.sees(victim, 'its second life', ({ incarnation }) => incarnation === 2)
    expect(row.status).toBe('up')
  }
  await b.hears(victim) // from here on as far apart as heartbeats: a machine that still lived its former life would sound so
  for (const envelope of formerLife.slice(0, 3)) {
    await sayAgain(hostile, b, [envelope])
    await b.hears(victim)
  }
  for (const member of everybody) {
    expect(await member.row(victim)).toMatchObject({ status: 'up', incarnation: 2, alerts: [] })
    expect(statusOf(member)).toEqual(['victim is up (was down)'])
  }
})

/** On gossip: each as it was, and once more with bytes behind it that gossip has not seen yet. */
async function sayAgain(hostile: Hostile, member: Member, envelopes: readonly Envelope[]): Promise<void> {
  await hostile.dial(member)
  for (const [i, envelope] of envelopes.entries()) {
    await hostile.say(member, NORTH, envelope.raw)
    await hostile.say(member, NORTH, forge(envelope, {}, Uint8Array.of(said++ & 255, i)))
  }
  await hostile.barrier(member)
}
let said = 0

/** The daemon as a process of its own, which can be killed without a goodbye. */
async function run(fleet: Fleet, name: string): Promise<ChildProcess> {
  const data = fleet.data(name)
  await writeFile(`${data}/pimesh.toml`, configText)
  const child = spawn(process.execPath, [PROGRAM, 'up', '--data', data], { stdio: 'ignore' })
  closeLater(() => kill(child))
  return child
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  await exited
}
