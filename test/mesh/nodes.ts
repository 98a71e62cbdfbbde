// Real mesh nodes on loopback for tests, with a gatekeeper that a test can bend and events that it can wait for.
import { randomBytes } from 'node:crypto'
import type { NodeId } from '../../src/core/env.ts'
import type { RefusalCode } from '../../src/core/events.ts'
import type { Path } from '../../src/core/links/paths.ts'
import { type Composed, composeMesh, type MeshOptions } from '../../src/mesh/node.ts'
import type { GateKeeper, LinkEvents } from '../../src/ports/links.ts'
import { QUIET } from './quiet.ts'

export const MESH8 = '0011223344556677'
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes)
const bytes = (value: string) => new TextEncoder().encode(value)

/** Admits who shows `word`; tells everybody else `code`. */
export function wordKeeper(word: string, code: RefusalCode = 'noMembership'): GateKeeper {
  return {
    credential: () => bytes(word),
    judge: async (_remote, shown) => {
      const admitted = text(shown) === word
      return { admitted, reply: bytes(admitted ? 'welcome' : code), code: admitted ? undefined : code }
    },
    answered: (_remote, reply) => text(reply) === 'welcome',
  }
}

type Happening =
  | ({ type: 'connected'; peer: NodeId } & Path)
  | ({ type: 'moved'; peer: NodeId } & Path)
  | { type: 'disconnected'; peer: NodeId }
  | { type: 'discovered'; peer: NodeId; addresses: readonly string[]; source: 'mdns' | 'identify' }
  | { type: 'visited'; peer: NodeId }
  | { type: 'unreserved'; relay: NodeId; why: 'full' | 'refused' | 'lost' }
  | { type: 'listening'; addresses: readonly string[] }
  | { type: 'reachable'; addresses: readonly string[] }

/** Everything a node reported, in order; `until` waits for what has not happened yet. */
export class Diary {
  readonly happened: Happening[] = []
  #waiting: (() => void)[] = []

  readonly events: LinkEvents = {
    ...QUIET,
    connected: (peer, path) => this.#add({ type: 'connected', peer, ...path }),
    moved: (peer, path) => this.#add({ type: 'moved', peer, ...path }),
    disconnected: (peer) => this.#add({ type: 'disconnected', peer }),
    discovered: (peer, addresses, source) => this.#add({ type: 'discovered', peer, addresses, source }),
    unreserved: (relay, why) => this.#add({ type: 'unreserved', relay, why }),
    visited: (peer) => this.#add({ type: 'visited', peer }),
    reachable: (addresses) => this.#add({ type: 'reachable', addresses }),
    listening: (addresses) => this.#add({ type: 'listening', addresses }),
  }

  of<T extends Happening['type']>(type: T): Extract<Happening, { type: T }>[] {
    return this.happened.filter((each): each is Extract<Happening, { type: T }> => each.type === type)
  }

  /** Resolves when something of the type about the peer has been reported, so many times in all. */
  async until(type: Exclude<Happening['type'], 'listening' | 'reachable'>, peer: NodeId, times = 1): Promise<void> {
    while (this.of(type).filter((each) => peerOf(each) === peer).length < times) {
      await this.next()
    }
  }

  /** Resolves at the next report. */
  next(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  #add(happening: Happening): void {
    this.happened.push(happening)
    for (const wake of this.#waiting.splice(0)) wake()
  }
}

function peerOf(happening: Happening): NodeId | undefined {
  if (happening.type === 'unreserved') return happening.relay
  return 'peer' in happening ? happening.peer : undefined
}

export interface TestNode extends Composed {
  id: NodeId
  diary: Diary
  addresses: string[]
  dial(other: { id: NodeId; addresses: readonly string[] }): Promise<void>
}

const started = new Set<TestNode>()

/** A node on a free port of 127.0.0.1 that admits whoever shows `member`, unless told otherwise. */
export async function startNode(options: Partial<MeshOptions> = {}): Promise<TestNode> {
  const diary = new Diary()
  const composed = await composeMesh({
    secret: new Uint8Array(randomBytes(32)),
    listen: ['/ip4/127.0.0.1/tcp/0'],
    announce: [],
    mesh8: MESH8,
    keeper: wordKeeper('member'),
    events: diary.events,
    mdns: false,
    ...options,
  })
  const { mesh } = composed
  const dial: TestNode['dial'] = ({ id, addresses }) => mesh.links.dial(id, addresses, { signal: never() })
  const node = { ...composed, id: mesh.nodeId, diary, addresses: mesh.listening(), dial }
  started.add(node)
  return node
}

/** For afterEach. */
export async function stopNodes(): Promise<void> {
  await Promise.all([...started].map(({ mesh }) => mesh.stop()))
  started.clear()
}

export function never(): AbortSignal {
  return new AbortController().signal
}

/** Resolves with what the promise rejects with. */
export function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => {
      throw new Error('it did not fail')
    },
    (error) => error,
  )
}
