// What a core starts from, of what was joined, what earlier runs wrote and what the owner configured.
import type { Input } from '../core/events.ts'
import type { MachineFacts } from '../core/machines.ts'
import type { Membership } from '../core/trust/documents.ts'
import type { Facts } from '../ports/probe.ts'
import type { SavedState } from '../wire/state.ts'
import { addressNode } from '../wire/token.ts'
import type { Config } from './config.ts'
import type { Joined } from './folder.ts'

/** Our membership as it was last written: a member may have countersigned it since we joined. */
export function ownMembership(joined: Joined, state: SavedState): Membership {
  const saved = state.memberships.find(({ id }) => id === joined.membership.id)
  return saved?.countersignature === undefined ? joined.membership : saved
}

/** All but the facts of this machine, which are read later. */
export function setupOf(joined: Joined, state: SavedState, membership: Membership, config: Config) {
  const wall = Date.now()
  const contacts = [...joined.contacts.map((contact) => ({ contact, wall })), ...state.contacts]
  return {
    mesh: joined.mesh,
    membership,
    roots: [...joined.roots, ...state.roots],
    rootFloor: joined.rootFloor,
    timeBound: state.timeBound,
    reachable: state.reachable,
    incarnation: state.incarnation,
    memberships: joined.witness === undefined ? state.memberships : [joined.witness, ...state.memberships],
    contacts,
    rows: state.rows,
    wall,
    recordPeriodMin: config.health.period,
    viewFlushPeriod: config.state.flush,
    publishers: { ...state.publishers, roleFloors: [...joined.floors.roles, ...state.publishers.roleFloors] },
    targetsFloor: joined.floors.targets,
    targetsFloorEpoch: joined.floors.targetsEpoch,
    artifacts: state.artifacts,
    installs: state.installs,
    statements: state.statements,
    audit: state.audit,
    history: state.history,
    keepsHistory: true,
    mirror: config.artifacts.mirror,
    allowance: config.swarm,
    usage: state.usage,
    cache: { old: config.swarm.cache, forwarded: config.swarm.forward },
    relay: config.relay.offer,
    directory: config.swarm.dht,
    announce: config.announce,
  }
}

/** What a selector may ask of this machine: no more of the facts than the protocol names. */
export function machineFacts(facts: Facts): MachineFacts {
  const text = (name: string) => (typeof facts[name] === 'string' ? facts[name] : null)
  const cpus = typeof facts.cpus === 'number' ? facts.cpus : null
  return { model: text('model'), os: text('os'), kernel: text('kernel'), arch: text('arch'), cpus }
}

/** Members named by the invite and by the configuration. */
export function bootstrap(joined: Joined, config: Config): Input[] {
  return [...joined.via, ...config.bootstrap].flatMap((address): Input[] => {
    const peer = addressNode(address)
    if (peer === undefined || peer === joined.membership.claims.node) return []
    return [
      { type: 'discovered', peer, addresses: [address.slice(0, address.lastIndexOf('/p2p/'))], source: 'bootstrap' },
    ]
  })
}
