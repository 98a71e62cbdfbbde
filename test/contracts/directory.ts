// What core may expect of a Directory, checked on every implementation: test/mesh/directory.test.ts runs it on real libp2p nodes.
import { afterEach, describe, expect, test } from 'vitest'
import type { NodeId } from '../../src/core/env.ts'
import { limits } from '../../src/core/limits.ts'
import type { Told } from '../../src/core/swarm/directory.ts'
import type { Directory } from '../../src/ports/directory.ts'

export interface DirectoryNetwork {
  directories: readonly Directory[]
  ids: readonly NodeId[]
  /** Where each can be dialled. */
  addresses: readonly (readonly string[])[]
  /** It is gone, without a word. */
  kill(node: number): Promise<void>
  close(): Promise<void>
}

/** A network of started nodes without a link, which all can reach each other. */
export type MakeDirectories = (count: number) => Promise<DirectoryNetwork>

const KEY = 'ab'.repeat(32)
const OTHER = 'cd'.repeat(32)
const PATIENT = { timeout: 20_000, interval: 20 }

const open: DirectoryNetwork[] = []

export function directoryContract(name: string, make: MakeDirectories): void {
  /** The first `servers` of the nodes serve, and everybody knows these. */
  const network = async (count: number, servers: number) => {
    const net = await make(count)
    open.push(net)
    const place = new Place(net)
    for (let node = 0; node < servers; node++) {
      place.of(node).serve(true)
      // Its own question comes after that.
      await place.find(node)
    }
    for (let node = 0; node < count; node++) place.know(node, ...Array.from({ length: servers }, (_, i) => i))
    return place
  }

  describe(`the directory on ${name}`, () => {
    afterEach(() => Promise.all(open.splice(0).map((each) => each.close())))

    test('who knows a server finds what others told it, with their addresses, and nothing under another key', async () => {
      const place = await network(4, 1)
      expect(await place.provide(1)).toBe(1)
      expect(await place.provide(2)).toBe(1)
      await place.finds(3, [1, 2])
      expect(await place.find(3, OTHER)).toEqual([])
      const [first] = await place.of(3).find(KEY, { signal: never() })
      expect(place.net.addresses[place.net.ids.indexOf(first?.node ?? '')]).toEqual(first?.addresses)
    })

    test('a server finds what it was told itself, and never itself', async () => {
      const place = await network(2, 1)
      await place.provide(0)
      await place.provide(1)
      await place.finds(0, [1])
      await place.finds(1, [0])
    })

    test('where nobody serves, nobody is told and nobody found, at once', async () => {
      const place = await network(3, 0)
      expect(await place.provide(0)).toBe(0)
      expect(await place.find(1)).toEqual([])
      place.know(1, 2)
      expect(await place.provide(1)).toBe(0)
      expect(await place.find(1)).toEqual([])
    })

    test('each key is kept by several servers: most of them may be gone', async () => {
      const place = await network(7, 5)
      expect(await place.provide(5)).toBe(5)
      for (const server of [0, 1, 2, 3]) await place.net.kill(server)
      await place.finds(6, [5])
    })

    test('a server that is known by another one alone is found by that', async () => {
      const place = await network(4, 2)
      place.know(2, 1)
      place.know(3, 0)
      place.know(0, 1)
      await place.provide(2)
      await place.finds(3, [2])
    })

    test('who does not serve any more answers nothing, and who withdrew is not named by itself', async () => {
      const place = await network(3, 1)
      await place.provide(0)
      place.of(0).withdraw(KEY)
      expect(await place.find(2)).toEqual([])
      await place.provide(1)
      place.of(0).serve(false)
      await place.find(0)
      expect(await place.find(2)).toEqual([])
    })

    test('a search comes to a bounded number, each of them once', async () => {
      const count = limits.directoryProviders + 4
      const place = await network(count, 2)
      for (let node = 2; node < count; node++) await place.provide(node)
      const found = () => place.of(0).find(KEY, { signal: never() })
      await expect.poll(async () => (await found()).length, PATIENT).toBe(limits.directoryProviders)
      expect(new Set((await found()).map(({ node }) => node)).size).toBe(limits.directoryProviders)
    })

    test('who gives up gets what was heard until then, and no failure', async () => {
      const place = await network(3, 1)
      await place.provide(1)
      const signal = AbortSignal.abort(new Error('given up'))
      expect(await place.of(2).find(KEY, { signal })).toEqual([])
      expect(await place.of(2).provide(KEY, place.net.addresses[2] ?? [], { signal })).toBe(0)
    })
  })
}

class Place {
  readonly net: DirectoryNetwork

  constructor(net: DirectoryNetwork) {
    this.net = net
  }

  of(node: number): Directory {
    return this.net.directories[node] as Directory
  }

  /** It knows that these serve, rightly or not. */
  know(node: number, ...servers: readonly number[]): void {
    const others = servers.filter((server) => server !== node)
    this.of(node).servers(others.map((server): Told => this.told(server)))
  }

  told(node: number): Told {
    return { node: this.net.ids[node] as NodeId, addresses: this.net.addresses[node] ?? [] }
  }

  provide(node: number): Promise<number> {
    return this.of(node).provide(KEY, this.net.addresses[node] ?? [], { signal: never() })
  }

  /** Resolves when it finds these: who is told says nothing, so what is told arrives a moment after that. */
  async finds(node: number, expected: readonly number[]): Promise<void> {
    await expect.poll(() => this.find(node), PATIENT).toEqual(expected)
  }

  /** Numbers of those that it finds, in ascending order. */
  async find(node: number, key = KEY): Promise<number[]> {
    const found = await this.of(node).find(key, { signal: never() })
    return found.map(({ node: id }) => this.net.ids.indexOf(id)).sort((a, b) => a - b)
  }
}

function never(): AbortSignal {
  return new AbortController().signal
}
