// A client as TUF's conformance suite wants one, without a repository: core's root walk, targets keeper, registers and acceptance
// behind the real parsers, with real Ed25519, and a disk that holds bytes. What a repository would publish, a peer offers.

import type { RefusalCode } from '../../src/core/events.ts'
import { Failure } from '../../src/core/failure.ts'
import { choose } from '../../src/core/rollout/selection.ts'
import type { AnnouncementDocument } from '../../src/core/trust/announcement.ts'
import type { Root, RootDocument } from '../../src/core/trust/documents.ts'
import { walkRoots } from '../../src/core/trust/roots.ts'
import { parseAnnouncement } from '../../src/wire/announcement.ts'
import { parseRoot, rootJson } from '../../src/wire/root.ts'
import { encodeSigned } from '../../src/wire/signed.ts'
import { changesToWrites, readState } from '../../src/wire/state.ts'
import { parseTargets } from '../../src/wire/targets.ts'
import { World } from '../core/trust/announcing-world.ts'
import { env, keyOf, rootOf } from '../fixtures/documents.ts'

/** Each case is a test under the name that it has in the suite, and throws when it fails. */
export type Cases = Record<string, () => void | Promise<void>>

export type Outcome = 'accepted' | 'same' | RefusalCode

/** Judges nothing but what the documents say. */
const JUDGE = { selects: () => true, floors: () => [], forbids: () => undefined, isNews: () => true }

export class Client {
  world: World
  readonly #mesh: string
  #roots: RootDocument[]

  /** @param trusted bytes of the first root, which its hash vouches for. @throws Failure when it is not a root or not signed. */
  constructor(trusted: Uint8Array) {
    const first = parseRoot(trusted)
    this.#mesh = first.hash
    const { root, problem } = walkRoots(undefined, [first], { mesh: this.#mesh }, env)
    if (root === undefined) throw new Failure('E_ROOT_INVALID', problem ?? 'no root')
    this.#roots = [root]
    this.world = new World({ root })
  }

  get root(): number {
    return this.world.self.root.signed.version
  }

  get targets(): number {
    return this.world.targets.current?.signed.version ?? 0
  }

  /** Version of what is in force of a publisher's role; 0 when there is nothing. */
  version(role = 'acme'): number {
    return this.#current(role)?.document.signed.version ?? 0
  }

  /** A peer gives these roots, in any order. Says why the walk ended, if it ended early. */
  offerRoots(...offered: Uint8Array[]): string | undefined {
    const { self, targets, announcing, now } = this.world
    const walk = walkRoots(
      self.root,
      offered.map((bytes) => parseRoot(bytes)),
      { mesh: this.#mesh },
      env,
    )
    for (const root of walk.accepted) {
      this.#roots.push(root)
      self.root = root
      targets.rootChanged()
      announcing.targetsChanged(now)
    }
    this.world.settle()
    this.world.write()
    return walk.problem
  }

  offerTargets(bytes: Uint8Array): Outcome {
    const outcome = this.world.consider(parseTargets(bytes))
    this.world.settle()
    this.world.write()
    return outcome
  }

  /** Hands an announcement to acceptance, as a member that pulled it does. */
  offer(bytes: Uint8Array | AnnouncementDocument): Outcome {
    const document = bytes instanceof Uint8Array ? parseAnnouncement(bytes) : bytes
    const ticket = this.world.submit(parseAnnouncement(document.raw))
    this.world.write()
    const answers = this.world.submissions()
    return answers.get(ticket) ?? 'accepted'
  }

  /** The process ends and starts again: what it knows is what the bytes on its disk say. */
  async restart(): Promise<void> {
    const { publishers } = await readState(this.#disk())
    this.world = new World({ saved: publishers, root: this.#roots.at(-1) as RootDocument })
  }

  /** The bytes on disk under a key. */
  stored(key: string): Uint8Array | undefined {
    return this.#entries().get(key)
  }

  /** Whether what is in force of a role counts as expired. */
  expired(role = 'acme'): boolean | undefined {
    return this.#current(role)?.expired
  }

  /** The roles whose word on a path is heard, the first one first: each next one is heard when those before it say nothing. */
  order(path: string): string[] {
    const { targets, announcing } = this.world
    const roles: string[] = []
    for (let current = announcing.current(); ; current = current.filter(({ role }) => !roles.includes(role.name))) {
      const choice = choose(targets.roles, current, JUDGE).get(path)
      if (choice === undefined) return roles
      roles.push(choice.role)
    }
  }

  /** What keeps the release of a path from being installed; undefined when there is none, or nothing does. */
  hold(path: string): string | undefined {
    const { targets, announcing } = this.world
    return choose(targets.roles, announcing.current(), JUDGE).get(path)?.hold
  }

  #current(role: string) {
    return this.world.announcing.current().find((current) => current.role.name === role)
  }

  #entries(): Map<string, Uint8Array> {
    const changes = [...this.world.disk.values(), ...this.#roots.map((root) => ({ type: 'root' as const, root }))]
    const writes = changesToWrites(changes).filter(({ value }) => value !== undefined)
    return new Map(writes.map(({ key, value }) => [key, value as Uint8Array]))
  }

  #disk(): Parameters<typeof readState>[0] {
    const entries = [...this.#entries()].map(([key, value]) => ({ key, value }))
    return {
      get: async (key) => entries.find((entry) => entry.key === key)?.value,
      entries: async (prefix) => entries.filter(({ key }) => key.startsWith(prefix)),
    }
  }
}

/** Who holds a role of a root, and how many of them must sign. */
export interface Holders {
  keys: readonly string[]
  threshold: number
}

export interface RootTerms {
  version?: number
  root?: Holders
  targets?: Holders
  changes?: Partial<Root>
}

const ALONE = (name: string): Holders => ({ keys: [name], threshold: 1 })

/** The `signed` part of a root. */
export function rootSigned({ version = 1, root = ALONE('root'), targets = ALONE('targets'), changes }: RootTerms) {
  const names = [...root.keys, ...targets.keys, 'enrol']
  const role = ({ keys, threshold }: Holders) => ({ keyIds: keys.map((name) => keyOf(name).keyId), threshold })
  const base = rootOf({ version })
  return rootJson({
    ...base,
    keys: new Map(names.map((name) => [keyOf(name).keyId, keyOf(name).publicKey])),
    roles: { ...base.roles, root: role(root), targets: role(targets) },
    ...changes,
  })
}

export function rootBytes(terms: RootTerms, by: readonly string[] = terms.root?.keys ?? ['root']): Uint8Array {
  return encodeSigned(rootSigned(terms), by.map(keyOf))
}

/** True when what it does fails as an expected failure; anything else that is thrown comes through. */
export function refuses(attempt: () => unknown): boolean {
  try {
    attempt()
    return false
  } catch (error) {
    if (error instanceof Failure) return true
    throw error
  }
}
