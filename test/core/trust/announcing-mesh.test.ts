// Several nodes that tell each other of announcements while messages are lost, writes fail and processes die.
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { MINUTE } from '../../../src/core/limits.ts'
import { type AnnouncementDocument, compareVersions, type RoleFloor } from '../../../src/core/trust/announcement.ts'
import { headOf } from '../../../src/core/trust/registers.ts'
import { announcementOf, delegationOf, NOW, releaseOf, targetsOf } from '../../fixtures/documents.ts'
import { EMPTY, World } from './announcing-world.ts'

const NODES = 4
const variant = (epoch: number, version: number, day: number) => {
  const releases = { 'acme/agent': releaseOf({ counter: 1 + ((version * 7 + day) % 5) }) }
  return announcementOf({ epoch, version, expires: NOW + day * 86_400_000, releases })
}
const TARGETS = [targetsOf(), targetsOf({ version: 2, roles: [delegationOf({ epoch: 2 })] })]
const VALID = [
  variant(1, 1, 1),
  variant(1, 9, 2),
  variant(2, 1, 1),
  variant(2, 2, 1),
  variant(2, 2, 2),
  variant(2, 2, 3),
]
const FORGED = [
  announcementOf({ version: 99, by: ['thief'] }),
  announcementOf({ epoch: 2, version: 99, by: ['thief'] }),
]

/** What happens to node `at`, and a number to choose by. */
interface Happening {
  what: 'publish' | 'forge' | 'delegate' | 'hello' | 'gossip' | 'answer' | 'lose' | 'write' | 'fail' | 'crash' | 'wait'
  at: number
  choice: number
}

const happening: fc.Arbitrary<Happening> = fc.record({
  what: fc.constantFrom(
    ...(['publish', 'publish', 'forge', 'delegate', 'hello', 'hello', 'gossip', 'gossip', 'answer', 'answer'] as const),
    ...(['answer', 'lose', 'write', 'write', 'write', 'fail', 'crash', 'wait'] as const),
  ),
  at: fc.nat(NODES - 1),
  choice: fc.nat(1_000),
})

const pick = <T>(list: readonly T[], choice: number) => list[choice % list.length] as T
const nameOf = (at: number) => `node ${at}`

class Mesh {
  readonly nodes = Array.from({ length: NODES }, () => new World({ saved: { ...EMPTY, targets: TARGETS[0] } }))
  readonly #floors: (RoleFloor | undefined)[] = []
  readonly #pathFloors: number[] = []

  step({ what, at, choice }: Happening): void {
    const node = this.nodes[at] as World
    const from = (at + 1 + (choice % (NODES - 1))) % NODES
    if (what === 'publish') node.submit(pick(VALID, choice))
    if (what === 'forge') node.hear('thief', pick(FORGED, choice))
    if (what === 'delegate') node.offerTargets(pick(TARGETS, choice))
    if (what === 'hello') this.#hello(from, at)
    if (what === 'gossip')
      for (const { head } of (this.nodes[from] as World).take('publishHead')) node.hear(nameOf(from), head)
    if (what === 'answer') this.#answer(node)
    if (what === 'lose') for (const ask of node.take('ask')) node.reply(ask, undefined)
    if (what === 'write') node.write()
    if (what === 'fail') node.failToWrite()
    if (what === 'crash') this.nodes[at] = new World({ saved: node.saved() })
    if (what === 'wait') node.at(node.now + 40_000)
    this.check(at)
  }

  /** Everything works from now on: hellos every minute, as often as it takes to pass through all nodes and sides. */
  heal(): void {
    for (let round = 0; round < 8; round++) {
      for (const node of this.nodes) node.at(node.now + MINUTE)
      for (let from = 0; from < NODES; from++) for (let at = 0; at < NODES; at++) if (at !== from) this.#hello(from, at)
      for (let busy = true; busy; ) {
        busy = false
        for (const node of this.nodes) {
          if (this.#answer(node) > 0) busy = true
          node.write()
        }
      }
    }
    for (let at = 0; at < NODES; at++) this.check(at)
  }

  /** Nothing unsigned, nothing that is not on disk, and no floor that fell, also over a crash. */
  check(at: number): void {
    const node = this.nodes[at] as World
    const saved = node.saved()
    for (const { document, rival } of node.announcing.current()) {
      expect(VALID).toContain(document)
      expect(saved.announcements.map(({ announcement }) => announcement)).toContain(document)
      if (rival !== undefined) expect(saved.announcements.map(({ announcement }) => announcement)).toContain(rival)
    }
    const [floor] = saved.roleFloors
    const before = this.#floors[at]
    if (before !== undefined) expect(floor && compareVersions(floor, before)).toBeGreaterThanOrEqual(0)
    this.#floors[at] = floor
    const counter = saved.pathFloors[0]?.counter ?? 0
    expect(counter).toBeGreaterThanOrEqual(this.#pathFloors[at] ?? 0)
    this.#pathFloors[at] = counter
  }

  #hello(from: number, to: number): void {
    const sender = this.nodes[from] as World
    const receiver = this.nodes[to] as World
    const vector = sender.announcing.vector()
    receiver.targets.offered(nameOf(from), vector, receiver.now)
    receiver.announcing.offered(nameOf(from), vector, receiver.now)
    receiver.settle()
  }

  /** Answers what a node asked from what those it asked hold now. */
  #answer(node: World): number {
    const asks = node.take('ask')
    for (const ask of asks) {
      const peer = this.nodes.find((_, at) => nameOf(at) === ask.peer)
      if (peer === undefined) node.reply(ask, FORGED)
      else if (ask.protocol === 'sync' && ask.body.type === 'announcements') {
        const bodies = ask.body.hashes.map((hash) => peer.announcing.body(hash))
        node.reply(
          ask,
          bodies.filter((body): body is AnnouncementDocument => body !== undefined),
        )
      } else node.reply(ask, peer.targets.current === undefined ? [] : [peer.targets.current])
    }
    return asks.length
  }
}

it('whatever happens, all nodes hold the same in the end, and never anything older or unsigned', () => {
  fc.assert(
    fc.property(fc.array(happening, { maxLength: 120 }), (happenings) => {
      const mesh = new Mesh()
      for (const each of happenings) mesh.step(each)
      mesh.heal()
      const [first, ...others] = mesh.nodes.map((node) => node.announcing.vector())
      for (const vector of others) expect(vector).toEqual(first)
      for (const node of mesh.nodes) expect(new World({ saved: node.saved() }).announcing.vector()).toEqual(first)
    }),
    { numRuns: 300 },
  )
})

it('one node that holds the newest is enough for all, hello by hello', () => {
  const mesh = new Mesh()
  const [first, second] = mesh.nodes as [World, World]
  first.delegate(TARGETS[1] as (typeof TARGETS)[0])
  first.submit(VALID[4] as AnnouncementDocument)
  second.delegate(TARGETS[1] as (typeof TARGETS)[0])
  second.submit(VALID[5] as AnnouncementDocument)
  first.write()
  second.write()
  mesh.heal()
  const expected = [VALID[4], VALID[5]].map((document) => headOf(document as AnnouncementDocument).hash).sort()
  for (const node of mesh.nodes) {
    const [entry] = node.announcing.vector().heads
    expect([entry?.hash, entry?.rival]).toEqual(expected)
    expect(node.held()).toBe('acme 2 frozen')
  }
})
