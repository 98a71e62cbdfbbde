// Who is enrolled in a fleet of the simulator at scale: a mesh, an invite for each site, and for each node the membership that it shows,
// countersigned by a mate, and whom it knows after a restart: its zone, and some members of other zones.
import { sameBytes } from '../../../src/core/bytes.ts'
import type { Env, MembershipId, NodeId } from '../../../src/core/env.ts'
import { limits } from '../../../src/core/limits.ts'
import type { Contact } from '../../../src/core/protocols.ts'
import type { Membership } from '../../../src/core/trust/documents.ts'
import { encodeCredential } from '../../../src/wire/credential.ts'
import { countersign, withCountersignature } from '../../../src/wire/membership.ts'
import { EPOCH } from '../clock.ts'
import { KeyRing, type SimKey } from '../crypto.ts'
import { SimMesh } from '../mesh.ts'
import type { Prng } from '../prng.ts'
import type { ScaleScenario } from './scenario.ts'

/** Zones outside of which a node knows members when it starts, and how many of each: the address book is kept over a restart. */
const OUTSIDE = 6
const MEMBERS_OUTSIDE = 4

export interface ScaleIdentity {
  index: number
  membership: Membership
  zone: string
  /** The LAN it is on, by number. */
  site: number
  address: string
  /** Bytes that it shows at a gate. */
  credential: number
}

interface Bare {
  site: number
  seat: number
  key: SimKey
  membership: Membership
}

export class Enrolment {
  readonly mesh: SimMesh
  readonly all: readonly ScaleIdentity[]
  readonly zones = new Map<string, ScaleIdentity[]>()
  readonly #indexes = new Map<NodeId, number>()
  readonly #byMembership = new Map<MembershipId, number>()
  readonly #prng: Prng

  constructor(scenario: ScaleScenario, prng: Prng) {
    const keys = new KeyRing()
    this.#prng = prng.fork('contacts')
    this.mesh = new SimMesh(keys, prng.fork('mesh'), { holders: 0, threshold: 1, periodSeconds: 3_600, refuses: false })
    const bare: Bare[] = []
    for (const [site, { zone, nodes, cells }] of sitesOf(scenario).entries()) {
      // A site that is larger than an invite may be is enrolled with several.
      for (let first = 0; first < nodes; first += limits.inviteSeats) {
        const seats = Math.min(limits.inviteSeats, nodes - first)
        const invite = this.mesh.invite(zone, seats, 'node', false, cells)
        for (let seat = 0; seat < seats; seat++) {
          const key = keys.make(prng)
          bare.push({ site, seat, key, membership: this.mesh.membership(key, invite, seat, `n${bare.length}`) })
        }
      }
    }
    const all = bare.map((one, index) => this.#identity(index, one.site, vouched(one, voucherOf(bare, index))))
    this.all = all
    for (const id of all) {
      this.#indexes.set(id.membership.claims.node, id.index)
      this.#byMembership.set(id.membership.id, id.index)
      const mates = this.zones.get(id.zone) ?? []
      mates.push(id)
      this.zones.set(id.zone, mates)
    }
  }

  indexOf(node: NodeId): number {
    return this.#indexes.get(node) ?? -1
  }

  by(membership: MembershipId): ScaleIdentity | undefined {
    return this.all[this.#byMembership.get(membership) ?? -1]
  }

  mates(zone: string): readonly ScaleIdentity[] {
    return this.zones.get(zone) ?? []
  }

  /** What an invite says: where the first of all is found. */
  first({ index }: ScaleIdentity): Contact[] {
    return index === 0 ? [] : [contactOf(this.all[0] as ScaleIdentity)]
  }

  /** Whom a node knows when it starts. */
  contacts({ index, zone }: ScaleIdentity): Contact[] {
    const mates = this.mates(zone).filter((mate) => mate.index !== index)
    const others: ScaleIdentity[] = []
    const wanted = Math.min(OUTSIDE, this.zones.size - 1)
    while (others.length < wanted) {
      const other = this.#prng.pick(this.all) as ScaleIdentity
      if (other.zone !== zone && !others.some((one) => one.zone === other.zone)) others.push(other)
    }
    const known = others.flatMap((other) => {
      const beside = this.mates(other.zone).filter(({ index: of }) => of !== other.index)
      return [other, ...this.#prng.shuffled(beside).slice(0, MEMBERS_OUTSIDE - 1)]
    })
    return [...mates, ...known].map(contactOf)
  }

  #identity(index: number, site: number, membership: Membership): ScaleIdentity {
    const address = `/ip4/10.${index >> 16}.${(index >> 8) & 255}.${index & 255}/tcp/31415`
    const credential = encodeCredential({ mesh: this.mesh.id, membership, witness: undefined }).length
    return { index, membership, zone: membership.claims.zone, site, address, credential }
  }
}

/** What stands for a signature that its author did not make; only tests of who forges write it. */
export const FORGED = new Uint8Array(64).fill(1)

/** Checks are counted, not computed. */
export function countingEnv(env: Env, counted: () => void, random: () => number): Env {
  const verify = (_key: Uint8Array, _message: Uint8Array, signature: Uint8Array) => {
    counted()
    return !sameBytes(signature, FORGED)
  }
  return { ...env, verify, verifyStrict: verify, random }
}

function contactOf({ membership, zone, address }: ScaleIdentity): Contact {
  return { node: membership.claims.node, zone, addresses: [address], age: 60_000, serves: true }
}

/** A node's first site-mate met it at the gate, or, of the first one, whoever was there before its site. */
function voucherOf(all: readonly Bare[], index: number): Bare {
  const first = index - (all[index] as Bare).seat
  return all[index > first ? first : index === 0 ? 1 : first - 1] as Bare
}

function vouched({ membership }: Bare, voucher: Bare): Membership {
  const by = { by: voucher.membership.claims.node, byMembership: voucher.membership.id }
  return withCountersignature(
    membership,
    countersign({ membership: membership.id, ...by, at: EPOCH }, voucher.key.sign),
  )
}

/** Sites in an order that spreads over regions as they are numbered. */
function sitesOf(scenario: ScaleScenario): { zone: string; nodes: number; cells: number }[] {
  const { regions, sites, nodesPerSite, cells, lonely } = scenario
  const name = (letter: string, number: number) => `${letter}${String(number).padStart(2, '0')}`
  const whole = Array.from({ length: regions * sites }, (_, at) => {
    const zone = `/${name('r', Math.floor(at / sites))}/${name('s', at % sites)}`
    return { zone, nodes: nodesPerSite, cells }
  })
  const single = Array.from({ length: lonely }, (_, at) => ({
    zone: `/${name('h', Math.floor(at / 32))}/${name('a', at % 32)}`,
    nodes: 1,
    cells: 1,
  }))
  return [...whole, ...single]
}
