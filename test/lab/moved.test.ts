// A file is on its way over a relay when the link finds a hole: the transfer goes on over that, with no verified piece fetched twice.
import { createHash } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { limits } from '../../src/core/limits.ts'
import { randomArtifact } from '../e2e/releases.ts'
import { wireCounts } from './counters.ts'
import { PUBLISHER } from './daemons.ts'
import { setRates } from './faults.ts'
import { Lab } from './lab.ts'
import { wanAddress } from './plan.ts'
import { run, whyNot } from './shell.ts'

const ZONE = '/lab/moved'
const BOUND = 60_000
const MIB = 1_048_576
const LENGTH = 16 * MIB
/** Mbit/s: what is left of the file lasts longer than three tries to punch, of which the second nearly always does it. */
const SLOW = 2
const QUICK = 20
/** On the wire, of each byte of a piece: Ethernet, IP, TCP, noise and yamux; gossip and the hellos of the time. */
const FRAMES = 1.06
const TALK = 256 * 1024

describe.skipIf(whyNot() !== undefined)('a transfer over a relayed link that is punched in the middle', () => {
  let lab: Lab
  beforeAll(async () => {
    lab = await Lab.up([
      { name: 'pub', kind: 'open', nodes: 2, zone: ZONE },
      { name: 'giver', kind: 'plain', zone: ZONE, up: SLOW },
      { name: 'taker', kind: 'plain', zone: ZONE, starts: 'asked' },
    ])
  })
  afterAll(() => lab?.dispose())

  it('goes on where it was, and costs the wire what it is long', { timeout: 3 * BOUND }, async () => {
    const { daemons, network } = lab
    const { bytes, hash } = randomArtifact(LENGTH)
    const [file, name] = [daemons.path('artifact'), `${PUBLISHER}/moved@1`]
    await writeFile(file, bytes)
    await wall('add')
    const places = ['--mesh', daemons.path('mesh'), '--data', daemons.path('giver-1')]
    const release = ['--name', name, '--to', 'name == "taker-1"', '--installer', 'file', '--no-wait']
    await daemons.pimesh('giver-1', 'publish', file, ...release, ...places)
    await daemons.start('taker-1')

    const here = async () => {
      const { releases } = await daemons.client('taker-1').releases({ local: true })
      return releases.find((each) => each.release === name)?.here ?? undefined
    }
    const route = async () => {
      const { links } = await daemons.client('taker-1').status()
      return links.find(({ node }) => node === daemons.id('giver-1'))?.path?.route
    }
    const had = async (share: number) => ((await here())?.bytes ?? 0) >= share * LENGTH
    await daemons.until('the first pieces come', BOUND, () => had(0.05))
    expect(await route()).toBe('relayed')
    await wall('delete')
    await daemons.until('the link is punched', BOUND, async () => (await route()) === 'punched')
    const atMove = (await here())?.bytes ?? 0
    expect(atMove).toBeLessThan(0.9 * LENGTH)
    await setRates(network, 'giver', { up: QUICK, down: undefined })
    const installed = await daemons.until('it is installed', BOUND, async () => {
      const state = await here()
      return state?.state === 'committed' && (state.installedAt ?? undefined)
    })
    expect(
      createHash('sha256')
        .update(await readFile(installed))
        .digest('hex'),
    ).toBe(hash)
    expect(await route()).toBe('punched')
    const down = (await wireCounts(network)).get('taker')?.down.bytes ?? 0
    for (const each of lab.nodes()) expect(await readFile(daemons.path(`${each}.log`), 'utf8')).not.toContain('Warning')
    // What was on its way when the link moved is asked for anew; what was there is not.
    const inFlight = limits.requestsPerPeer * limits.pieceBytesMin
    expect(down).toBeLessThan(FRAMES * (LENGTH + inFlight) + TALK)
  })

  /** Between the two sites, in the giver's router: no hole can be punched through it. */
  async function wall(what: 'add' | 'delete'): Promise<void> {
    const { network } = lab
    const [router] = network.site('giver').routers
    if (router === undefined) throw new Error('the site has no router')
    const nft = (...words: string[]) =>
      run('ip', ['netns', 'exec', network.namespace(router), 'nft', ...words.join(' ').split(' ')])
    await nft(what, 'table inet wall')
    if (what === 'delete') return
    await nft('add chain inet wall pass { type filter hook forward priority -10 ; }')
    await nft('add rule inet wall pass ip daddr', wanAddress(network.site('taker')), 'drop')
  }
})
