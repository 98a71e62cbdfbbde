// The driver around the real core, with ports in memory and a clock that the test moves.
import { describe, expect, it } from 'vitest'
import type { Input } from '../../src/core/events.ts'
import { METRICS } from '../../src/core/fleet/metrics.ts'
import { MINUTE, SECOND } from '../../src/core/limits.ts'
import { NodeCore } from '../../src/core/node.ts'
import type { NodeEvent } from '../../src/core/node-events.ts'
import { EMPTY_VECTOR } from '../../src/core/trust/announcement.ts'
import { Driver, type Ports } from '../../src/daemon/driver.ts'
import type { NamedMetrics } from '../../src/ports/probe.ts'
import type { StreamHandler } from '../../src/ports/streams.ts'
import { decodeEnvelope } from '../../src/wire/envelope.ts'
import { encodeRequest } from '../../src/wire/messages.ts'
import { decodeRecord } from '../../src/wire/record.ts'
import { env, inviteOf, keyOf, MESH, membershipOf, NO_PUBLISHERS, NOW, nodeOf, ROOT } from '../fixtures/documents.ts'
import { NO_DIRECTORY, NO_LINKS } from '../mesh/quiet.ts'

const PERIOD = 10 * SECOND
const own = membershipOf({ node: 'host', invite: inviteOf({ seats: 1, founding: true }) })

type Store = Ports['store']
const NO_METRICS = Object.fromEntries(METRICS.map(({ name }) => [name, null])) as NamedMetrics

const never = () => new Promise<never>(() => undefined)
/** Ports of transfers, in a test without any. */
const NO_TRANSFERS: Pick<Ports, 'pieces' | 'artifacts' | 'installer'> = {
  pieces: {
    onEvents: async () => undefined,
    open: () => undefined,
    expect: () => undefined,
    send: never,
    close: () => undefined,
  },
  artifacts: {
    ...{ prepare: never, write: never, read: never, sync: never, path: () => '', import: never, forget: never },
    unpacked: () => undefined,
    ...{ sweep: async () => [], pieceList: async () => undefined, close: async () => undefined },
  },
  installer: { stage: never, switch: never, tidy: never, current: async () => undefined },
}

function setUp(some: { write?: Store['write']; sample?: Ports['probe']['sample']; ports?: Partial<Ports> } = {}) {
  const seen: string[] = []
  const events: NodeEvent[] = []
  const defects: string[] = []
  const broken: unknown[] = []
  const handlers = new Map<string, StreamHandler>()
  const published: ReturnType<typeof decodeRecord>[] = []
  let now = 0
  let armed: { at: number; wake: () => void } | undefined
  const clock: Ports['clock'] = {
    now: () => now,
    wall: () => NOW + now,
    offset: () => 0,
    arm(at, wake) {
      armed = at === undefined ? undefined : { at, wake }
    },
  }
  const write: Store['write'] = async (batch, options) => {
    seen.push(`write ${batch.map(({ key }) => key.split('/')[0]).join(' ')}`)
    await some.write?.(batch, options)
    seen.push('written')
  }
  const sample = some.sample ?? (async () => ({ metrics: NO_METRICS, clockTrusted: true, more: [], troubles: [] }))
  const ports: Ports = {
    clock,
    store: { write, get: async () => undefined, entries: async () => [], close: async () => undefined },
    probe: { sample, facts: () => ({}), detail: () => [], collectors: () => [], close: () => undefined },
    gossip: {
      onMessage: () => undefined,
      subscribe: (topic) => seen.push(`subscribe ${topic.split('/').slice(4).join('/')}`),
      unsubscribe: () => undefined,
      publish: async (_topic, bytes) => {
        const record = decodeRecord(decodeEnvelope(bytes).body)
        published.push(record)
        seen.push(`publish ${record.incarnation}.${record.counter}`)
      },
    },
    streams: {
      handle: async (protocol, handler) => void handlers.set(protocol, handler),
      ask: () => new Promise(() => undefined),
    },
    links: NO_LINKS,
    directory: NO_DIRECTORY,
    ...NO_TRANSFERS,
    ...some.ports,
  }
  const core = new NodeCore(
    env,
    {
      ...{ mesh: MESH, membership: own, roots: [ROOT], rootFloor: 1, incarnation: 4, memberships: [], contacts: [] },
      ...{ rows: [], wall: NOW, recordPeriodMin: PERIOD, viewFlushPeriod: 10 * MINUTE },
      ...NO_PUBLISHERS,
    },
    0,
  )
  const driver = new Driver(ports, {
    core,
    mesh8: MESH.slice(0, 16),
    membership: own.id,
    sign: keyOf('host').sign,
    onEvent: (event) => {
      events.push(event)
      seen.push(`event ${event.type}`)
    },
    onCredential: () => seen.push('credential'),
    onDefect: (detail) => defects.push(detail),
    onBroken: (error) => broken.push(error),
  })
  /** Everything that is under way comes to rest: no port of this test waits for time. */
  const settle = async () => {
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve))
  }
  /** Wakes the node at each deadline until `end`. */
  const advance = async (end: number) => {
    await settle()
    while (armed !== undefined && armed.at <= end) {
      const { at, wake } = armed
      armed = undefined
      now = Math.max(now, at)
      wake()
      await settle()
    }
    now = end
  }
  const start = async () => {
    await driver.attach()
    driver.feed({ type: 'wall', wall: NOW })
    await settle()
  }
  return {
    ...{ driver, core, ports, seen, events, defects, broken, handlers, published, start, settle, advance },
    armed: () => armed?.at,
  }
}

describe('effects', () => {
  it('are performed in the order of the core, and no record leaves before its incarnation is on disk', async () => {
    const gate = Promise.withResolvers<void>()
    const { start, seen, settle, advance, published } = setUp({ write: () => gate.promise })
    await start()
    await advance(PERIOD)
    const first = [
      'credential',
      'subscribe ann',
      'subscribe rec/uk/glasgow',
      'event incarnation',
      'write format incarnation',
    ]
    expect(seen.slice(0, first.length)).toEqual(first)
    expect(published).toEqual([])
    gate.resolve()
    await settle()
    await advance(2 * PERIOD)
    expect(published[0]).toMatchObject({ incarnation: 5 })
    expect(seen.indexOf('written')).toBeLessThan(seen.indexOf(`publish 5.${published[0]?.counter}`))
  })

  it('writes follow each other: the next begins when the last has ended', async () => {
    const first = Promise.withResolvers<void>()
    let underway = 0
    const most: number[] = []
    const { start, driver, settle } = setUp({
      async write() {
        most.push(++underway)
        await first.promise
        underway--
      },
    })
    await start()
    driver.feed({
      type: 'credential',
      ticket: -1,
      remote: nodeOf('n'),
      witness: undefined,
      claimedMesh: MESH,
      membership: membershipOf({ node: 'n' }),
    })
    await settle()
    expect(most).toEqual([1])
    first.resolve()
    await settle()
    expect(most.length).toBeGreaterThan(1)
    expect(new Set(most)).toEqual(new Set([1]))
  })

  it('of one step that cannot be performed cost nothing but themselves, and the clock is armed', async () => {
    const { start, seen, defects, armed, settle } = setUp({
      ports: {
        gossip: {
          onMessage: () => undefined,
          unsubscribe: () => undefined,
          publish: async () => undefined,
          subscribe: () => {
            throw new Error('no such topic')
          },
        },
      },
    })
    await start()
    await settle()
    // Of the announcements, and of the zone's records.
    expect(defects).toEqual(Array(2).fill('the effect "subscribe" failed: no such topic'))
    expect(seen).toContain('write format incarnation')
    expect(armed()).toBeDefined()
  })

  it('a request or a dial that throws instead of failing is told to the core', async () => {
    const told: Input['type'][] = []
    const thrown = () => {
      throw new Error('thrown')
    }
    const { start, driver, core, advance } = setUp({
      ports: { links: { ...NO_LINKS, dial: thrown, close: thrown } },
    })
    const step = core.step.bind(core)
    core.step = (input, now) => {
      told.push(input.type)
      return step(input, now)
    }
    await start()
    const addresses = ['/ip4/10.0.0.1/tcp/1']
    driver.feed({ type: 'discovered', peer: nodeOf('peer'), addresses, source: 'bootstrap' })
    await advance(PERIOD)
    expect(told).toContain('dialFailed')
  })
})

describe('what fails', () => {
  it('a store: it is said, nothing is sent, and it is tried again', async () => {
    let full = true
    const { start, events, published, advance } = setUp({
      write: async () => {
        if (full) throw new Error('the disk is full')
      },
    })
    await start()
    await advance(MINUTE)
    expect(events).toContainEqual({ type: 'diskFailed', detail: 'the disk is full' })
    expect(published).toEqual([])
    full = false
    await advance(3 * MINUTE)
    expect(published[0]).toMatchObject({ incarnation: 5 })
  })

  it.each([
    ['rejects', () => Promise.reject(new Error('no sensor'))],
    [
      'throws',
      () => {
        throw new Error('no sensor')
      },
    ],
    ['never answers', () => new Promise<never>(() => undefined)],
  ])('a probe that %s: the promise holds without it', async (_how, sample) => {
    const { start, published, advance } = setUp({ sample })
    await start()
    await advance(3 * PERIOD)
    expect(published.length).toBeGreaterThan(1)
  })

  it('the core itself: it gets no input any more, nobody waits, and it is said once', async () => {
    const { start, driver, core, broken, armed } = setUp()
    await start()
    const query = driver.query(['/nowhere/else'], MINUTE)
    const steps: Input['type'][] = []
    core.step = (input) => {
      steps.push(input.type)
      throw new Error('invariant')
    }
    driver.feed({ type: 'woken' })
    driver.feed({ type: 'woken' })
    expect(steps).toEqual(['woken'])
    expect(broken).toEqual([new Error('invariant')])
    expect(armed()).toBeUndefined()
    await expect(driver.query(undefined, MINUTE)).rejects.toMatchObject({ code: 'E_INTERNAL' })
    await query.catch(() => undefined)
    await driver.stop()
  })
})

describe('stop', () => {
  it('sends the goodbye after what was written, answers nobody afterwards, and holds no timer', async () => {
    const { start, driver, handlers, published, seen, armed, advance } = setUp()
    await start()
    await advance(PERIOD)
    const stopped = driver.stop()
    expect(driver.stop()).toBe(stopped)
    await stopped
    expect(published.at(-1)?.flags).toBeGreaterThan(published[0]?.flags ?? 0)
    expect(seen.at(-1)).toMatch(/^(publish|written)/)
    expect(armed()).toBeUndefined()
    await expect(driver.query(undefined, MINUTE)).rejects.toMatchObject({ code: 'E_NO_DAEMON' })
    await expect(driver.admit(nodeOf('n'), undefined, false)).rejects.toMatchObject({ code: 'E_NO_DAEMON' })
    const request = encodeRequest({ protocol: 'sync', body: { type: 'roots', from: 1 } })
    const asked = handlers.get('sync')?.(nodeOf('n'), request, { signal: new AbortController().signal })
    await expect(asked).rejects.toMatchObject({ code: 'E_NO_DAEMON' })
  })

  it('ends a query that is under way', async () => {
    const { start, driver } = setUp()
    await start()
    const addresses = ['/ip4/10.0.0.1/tcp/1']
    const body = {
      rootVersion: 1,
      rootHash: ROOT.hash,
      zone: '/far',
      serves: true,
      addresses,
      contacts: [],
      yours: undefined,
      vector: EMPTY_VECTOR,
    }
    const peer = membershipOf({ node: 'far', invite: inviteOf({ zone: '/far' }) })
    await driver.admit(nodeOf('far'), { mesh: MESH, membership: peer, witness: undefined }, false)
    driver.feed({ type: 'connected', peer: nodeOf('far'), address: addresses[0] as string, direction: 'inbound' })
    driver.feed({ type: 'asked', ticket: -2, peer: nodeOf('far'), protocol: 'hello', body })
    const query = expect(driver.query(['/far'], MINUTE)).rejects.toMatchObject({ code: 'E_NO_DAEMON' })
    await driver.stop()
    await query
  })
})
