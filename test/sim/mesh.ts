// The documents of a simulated mesh, made through the real codecs: a root, an invite per zone, a membership per node.

import type { Millis, NodeId } from '../../src/core/env.ts'
import { DAY, HOUR, limits, SECOND } from '../../src/core/limits.ts'
import type { Capability, Invite, InviteDocument, Membership, RootDocument } from '../../src/core/trust/documents.ts'
import type { StatementDocument } from '../../src/core/trust/statement.ts'
import { leafZone } from '../../src/core/zone.ts'
import { canonicalBytes, jsonOf } from '../../src/wire/canonical.ts'
import { inviteJson, parseInvite } from '../../src/wire/invite.ts'
import { claimsJson, parseMembership } from '../../src/wire/membership.ts'
import { nodeIdOf } from '../../src/wire/node-id.ts'
import { parseRoot, rootJson } from '../../src/wire/root.ts'
import { encodeSigned } from '../../src/wire/signed.ts'
import { parseStatement, statementJson } from '../../src/wire/statement.ts'
import { EPOCH } from './clock.ts'
import { type KeyRing, type SimKey, sha256 } from './crypto.ts'
import type { Prng } from './prng.ts'
import type { Scenario } from './scenario.ts'

/** An invite together with the key that signs the memberships made from it. */
export interface SimInvite {
  document: InviteDocument
  key: SimKey
}

export class SimMesh {
  readonly root: RootDocument
  /** Of the machines with the lowest numbers. */
  readonly beaconKeys: readonly SimKey[]
  readonly #keys: KeyRing
  readonly #prng: Prng
  readonly #enroller: SimKey
  readonly #revoked = new Map<NodeId, Millis>()
  /** Signs targets documents. */
  readonly owner: SimKey

  constructor(keys: KeyRing, prng: Prng, beacons: Scenario['beacons']) {
    this.#keys = keys
    this.#prng = prng
    this.owner = keys.make(prng)
    this.#enroller = keys.make(prng)
    this.beaconKeys = Array.from({ length: beacons.holders }, () => keys.make(prng))
    const beacon = { keyIds: this.beaconKeys.map(({ keyId }) => keyId), threshold: beacons.threshold }
    const byOwner = { keyIds: [this.owner.keyId], threshold: 1 }
    const root = {
      version: 1,
      issued: EPOCH - 10 * DAY,
      expires: EPOCH - 10 * DAY + limits.rootLifetime,
      keys: new Map([this.owner, this.#enroller, ...this.beaconKeys].map((key) => [key.keyId, key.publicKey])),
      roles: {
        ...{ root: byOwner, targets: byOwner, enrol: { keyIds: [this.#enroller.keyId], threshold: 1 } },
        ...(beacons.holders === 0 ? {} : { beacon }),
      },
      ...(beacons.holders === 0 ? {} : { beaconPeriod: beacons.periodSeconds * SECOND }),
      enrolment: { epoch: 1, retired: [], zones: new Map() },
    }
    this.root = parseRoot(encodeSigned(rootJson(root), [this.owner]))
  }

  /** The next statement of the enrol key: it revokes this node as well. */
  revoke(node: NodeId): StatementDocument {
    this.#revoked.set(node, EPOCH + limits.membershipLifetime)
    const statement = {
      ...{ mesh: this.id, enroller: this.#enroller.keyId, epoch: 1, version: this.#revoked.size, issued: EPOCH },
      ...{ nodes: this.#revoked, invites: new Map(), extensions: [], policies: [] },
    }
    return parseStatement(encodeSigned(statementJson(statement), [this.#enroller]))
  }

  /** Hex mesh id. */
  get id(): string {
    return this.root.hash
  }

  invite(zone: string, seats: number, capability: Capability, founding = false, cells = 1): SimInvite {
    const key = this.#keys.make(this.#prng)
    const invite: Invite = {
      mesh: this.id,
      key: key.publicKey,
      zone,
      cells,
      labels: { site: zone.slice(1) || 'all' },
      capabilities: [capability],
      seats,
      expires: EPOCH + 48 * HOUR,
      membershipExpires: EPOCH + limits.membershipLifetime,
      epoch: 1,
      founding,
    }
    return { document: parseInvite(encodeSigned(inviteJson(invite), [this.#enroller])), key }
  }

  /** The membership of the node with `key` on a seat of the invite, not countersigned yet. */
  membership(key: SimKey, invite: SimInvite, seat: number, name: string): Membership {
    const { document } = invite
    const { zone: site, cells, membershipExpires } = document.signed
    const node = nodeIdOf(key.publicKey)
    const zone = leafZone({ sha256 }, site, cells, node)
    const claims = { mesh: this.id, node, invite: document.hash, zone, seat, name, expires: membershipExpires }
    const signed = encodeSigned(claimsJson(claims), [invite.key])
    return parseMembership(canonicalBytes({ membership: jsonOf(signed), invite: jsonOf(document.raw) }))
  }
}
