// Real daemons in the laboratory: they join, start, meet, die and come back, and are asked over their own sockets.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { wireCounts } from './counters.ts'
import { plug, pull } from './faults.ts'
import { Lab } from './lab.ts'
import { whyNot } from './shell.ts'

const ZONE = '/lab/all'
const BOUND = 50_000

describe.skipIf(whyNot() !== undefined)('a laboratory with daemons', () => {
  let lab: Lab
  beforeAll(async () => {
    lab = await Lab.up([
      { name: 'pub', kind: 'open', nodes: 2, zone: ZONE },
      { name: 'home', kind: 'plain', nodes: 2, zone: ZONE },
      { name: 'uni', kind: 'tcp443', zone: ZONE, config: '[log]\nlevel = "debug"' },
      { name: 'late', kind: 'random', zone: ZONE, starts: 'asked' },
    ])
  })
  afterAll(() => lab?.dispose())

  const up = async (name: string) => (await lab.daemons.client(name).status()).counts.up
  const seen = (names: readonly string[], count: number) =>
    lab.daemons.until(`${names.join(', ')} see ${count} up`, BOUND, async () => {
      const counts = await Promise.all(names.map(up))
      return counts.every((each) => each === count)
    })

  it('hears of every node of one zone through every kind of NAT, once it was started', async () => {
    const started = lab.nodes().filter((name) => name !== 'late-1')
    await seen(started, 5)
    expect(lab.daemons.runs('late-1')).toBe(false)
    await lab.daemons.start('late-1')
    await seen(lab.nodes(), 6)
  })

  it('has each node on its own wire: a LAN links directly, a strict firewall by port 443', async () => {
    const addresses = async (name: string) =>
      (await lab.daemons.client(name).status()).links.map(({ name, address }) => `${name} ${address}`)
    await lab.daemons.until('the neighbours are linked', BOUND, async () =>
      (await addresses('home-1')).some((link) => link.startsWith('home-2 /ip4/192.168.2.')),
    )
    const direct = (await addresses('uni-1')).filter((link) => !link.endsWith('/p2p-circuit')) // by whom it is linked with
    for (const link of direct) expect(link).toMatch(/^pub-\d \/ip[46]\/[^/]+\/tcp\/443$/)
    expect((await wireCounts(lab.network)).get('uni')?.up.bytes).toBeGreaterThan(1_000)
  })

  it('brings nodes back after a power cut and after a pulled cable', async () => {
    const before = (await lab.daemons.client('home-1').status()).incarnation
    await pull(lab.network, 'late-1')
    await lab.daemons.restartAll(lab.nodes())
    await plug(lab.network, 'late-1')
    await seen(lab.nodes(), 6)
    expect((await lab.daemons.client('home-1').status()).incarnation).toBeGreaterThan(before)
  })
})
