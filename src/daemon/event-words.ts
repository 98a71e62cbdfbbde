// What core says of itself, as a line for a person, with its weight for the log.
import type { NodeId } from '../core/env.ts'
import type { NodeEvent } from '../core/node-events.ts'
import { pauseText } from '../core/swarm/budgets.ts'
import { TOMBSTONE } from '../core/trust/rotations.ts'
import { refusalText } from './api-types.ts'
import type { LogLevel } from './config.ts'

export interface EventWords {
  level: LogLevel
  text: string
}

/** @param nameOf what people call a node. */
export function eventWords(event: NodeEvent, nameOf: (node: NodeId) => string): EventWords {
  switch (event.type) {
    case 'status': {
      const was = event.from === undefined ? '' : ` (was ${event.from})`
      const by = event.by === undefined ? '' : `: ${event.by.map(nameOf).join(', ')} cannot reach it`
      return { level: event.to === 'down' ? 'warn' : 'info', text: `${nameOf(event.node)} is ${event.to}${was}${by}` }
    }
    case 'statusMore':
      return { level: 'info', text: `${event.count} more changes of status within the last minute` }
    case 'zoneSplit': {
      const why = 'the zone is split, or this node is cut off; each of them is not told of'
      return { level: 'warn', text: `${event.missing} of ${event.members} nodes of this zone are not heard: ${why}` }
    }
    case 'zoneHealed': {
      const who = event.missing === 0 ? 'all nodes' : `all but ${event.missing} of the nodes`
      return {
        level: 'info',
        text: `${who} that were missing of this zone are heard again, after ${spanText(event.after)}`,
      }
    }
    case 'zoneDark':
    case 'zoneBack':
      return zoneWords(event)
    case 'alert':
      return { level: 'warn', text: `${nameOf(event.node)}: ${event.detail}` }
    case 'refused':
      return { level: 'debug', text: `${nameOf(event.peer)} refused at the ${event.detail} (${event.code})` }
    case 'rootAccepted':
      return { level: 'info', text: `root version ${event.version} is in force` }
    case 'rootRefused':
      return { level: 'warn', text: `${nameOf(event.peer)} offered a root that was refused: ${event.detail}` }
    case 'moved':
    case 'reserved':
    case 'unreserved':
    case 'reachable':
    case 'cutOff':
    case 'wayOut':
      return pathWords(event, nameOf)
    case 'paused':
      return { level: 'info', text: `releases are neither fetched nor served: ${pauseText(event.pause)}` }
    case 'wentOn':
      return { level: 'info', text: `releases are fetched and served again, after ${spanText(event.after)}` }
    case 'statementAccepted':
    case 'statementTwins':
    case 'revoked':
      return statementWords(event, nameOf)
    case 'incarnation': {
      const why = event.reason === 'start' ? '' : ', because an earlier record of this node carries a higher one'
      return { level: 'info', text: `incarnation ${event.incarnation}${why}` }
    }
    case 'collector': {
      const { collector, trouble } = event
      if (trouble === undefined) return { level: 'info', text: `the collector ${collector} is fine again` }
      return { level: 'warn', text: `the collector ${collector}: ${trouble.reason}` }
    }
    case 'disputes': {
      const text = `${nameOf(event.reporter)} reports of ${event.zone} what this node does not see, so this node speaks as well`
      return { level: 'warn', text }
    }
    case 'firstHeartbeat':
      return { level: 'info', text: 'the first record was sent' }
    case 'diskFailed':
    case 'gossipFailed':
      return { level: 'error', text: event.detail }
    default:
      return releaseWords(event, nameOf)
  }
}

type ZoneEvent = Extract<NodeEvent, { type: 'zoneDark' | 'zoneBack' }>

function zoneWords(event: ZoneEvent): EventWords {
  const { zones, dark } = event
  const [names, one] = [zones.join(', '), zones.length === 1]
  if (event.type === 'zoneDark') {
    const all = dark > zones.length ? `; ${dark} zones are dark in all` : ''
    const then = `nobody speaks for ${one ? 'it' : 'them'}, and ${one ? 'its' : 'their'} nodes are in no count`
    return { level: 'warn', text: `${names} ${one ? 'is' : 'are'} dark: ${then}${all}` }
  }
  const rest = dark === 0 ? '' : `; ${dark} ${dark === 1 ? 'zone is' : 'zones are'} dark still`
  return { level: 'info', text: `${names} ${one ? 'is' : 'are'} heard again, after ${spanText(event.after)}${rest}` }
}

const FRESHNESS = {
  fresh: 'fresh: beacons come, and what they name is here',
  stale: 'stale: no newer beacon came for three periods, so something newer may be withheld from this node',
  unproven: 'unproven: other keys sign beacons now, and none of theirs came yet',
} as const

type StatementEvent = Extract<NodeEvent, { type: 'statementAccepted' | 'statementTwins' | 'revoked' }>

function statementWords(event: StatementEvent, nameOf: (node: NodeId) => string): EventWords {
  switch (event.type) {
    case 'statementAccepted': {
      const { enroller, version, struck } = event
      const names = struck.map(nameOf).join(', ')
      const then = struck.length === 0 ? '' : `; cut off: ${names}`
      const key = `enrol key ${enroller.slice(0, 16)}...`
      return { level: struck.length === 0 ? 'info' : 'warn', text: `statement ${version} of ${key} is in force${then}` }
    }
    case 'statementTwins': {
      const which = `statement ${event.version} of enrol key ${event.enroller.slice(0, 16)}...`
      return {
        level: 'error',
        text: `${which} was signed twice: look whether all that was revoked still is, and sign again`,
      }
    }
    case 'revoked': {
      const { by } = event
      const who = by === undefined ? 'a statement in force says' : `${nameOf(by)} says`
      return {
        level: 'error',
        text: `${who} that this node is revoked: members that know of it do not admit it any more`,
      }
    }
  }
}

type PathEvent = Extract<NodeEvent, { type: 'moved' | 'reserved' | 'unreserved' | 'reachable' | 'cutOff' | 'wayOut' }>

const ROUTES = {
  lan: 'over the LAN',
  direct: 'direct',
  punched: 'through a hole punched in both NATs',
  relayed: 'relayed by a member',
} as const
const UNRESERVED = {
  full: 'its budget for relaying is used up, so another relay is asked',
  refused: 'it does not relay',
  lost: 'the reservation is lost, and asked for again',
} as const

function pathWords(event: PathEvent, nameOf: (node: NodeId) => string): EventWords {
  switch (event.type) {
    case 'moved': {
      const { peer, from, to } = event
      return { level: 'info', text: `the link with ${nameOf(peer)} is ${ROUTES[to]} now (was ${ROUTES[from]})` }
    }
    case 'reserved':
      return { level: 'info', text: `${nameOf(event.relay)} relays for this node` }
    case 'unreserved': {
      const { relay, why, detail } = event
      return { level: 'warn', text: `${nameOf(relay)} does not relay for this node: ${UNRESERVED[why]} (${detail})` }
    }
    case 'reachable': {
      const { addresses } = event
      if (addresses.length === 0) return { level: 'warn', text: 'members cannot dial this node from outside' }
      return { level: 'info', text: `members can dial this node from outside, at ${addresses.join(' and ')}` }
    }
    case 'cutOff':
      return {
        level: 'warn',
        text: 'no member outside can be reached from here, and this node goes on trying: "pimesh status" says how each failed',
      }
    case 'wayOut':
      return { level: 'info', text: `a member outside is linked again, after ${Math.round(event.after / 1_000)} s` }
  }
}

type ReleaseEvent = Extract<
  NodeEvent,
  {
    type:
      | 'targetsAccepted'
      | 'announced'
      | 'announcementRefused'
      | 'equivocation'
      | 'roleRotated'
      | 'install'
      | 'expiryUnknown'
      | 'beaconAccepted'
      | 'freshness'
      | 'providerBanned'
      | 'peerDropped'
  }
>

function releaseWords(event: ReleaseEvent, nameOf: (node: NodeId) => string): EventWords {
  const from = (node: NodeId | undefined) => (node === undefined ? 'handed in on this machine' : `from ${nameOf(node)}`)
  switch (event.type) {
    case 'targetsAccepted':
      return { level: 'info', text: `targets version ${event.version} is in force` }
    case 'announced': {
      const { role, epoch, version } = event
      return { level: 'info', text: `${role} announced version ${version} (epoch ${epoch}), ${from(event.from)}` }
    }
    case 'announcementRefused': {
      const { role, version, code } = event
      return {
        level: 'warn',
        text: `version ${version} of ${role} was refused, ${from(event.from)}: ${refusalText(code)}`,
      }
    }
    case 'equivocation': {
      const which = `version ${event.version} of ${event.role} (epoch ${event.epoch})`
      const then = 'nothing of this role is installed until it signs a higher version'
      return {
        level: 'error',
        text: `two different announcements are signed as ${which}: ${then}; look after its keys`,
      }
    }
    case 'roleRotated': {
      const { role, epoch, rotation } = event
      if (rotation !== TOMBSTONE)
        return { level: 'warn', text: `${role} changed its own keys (rotation ${rotation} of epoch ${epoch})` }
      const then = 'nothing of it counts any more until the mesh gives it a new epoch'
      return { level: 'error', text: `${role} has ended itself (epoch ${epoch}): ${then}` }
    }
    case 'install': {
      const { name, state, detail } = event
      const ended = state === 'failed' || state === 'rolledBack'
      if (detail === undefined) return { level: ended ? 'warn' : 'info', text: `${name} is ${state}` }
      return { level: 'warn', text: `${name} is ${ended ? state : `held up at ${state}`}: ${detail}` }
    }
    case 'peerDropped': {
      const text = `${nameOf(event.peer)} gave or told of too much that was refused: its link is closed, and it is kept out for an hour`
      return { level: 'warn', text }
    }
    case 'expiryUnknown': {
      const why =
        'the clock of this machine does not tell whether its announcement has expired; it is newer than what is installed'
      return { level: 'warn', text: `${event.name} is taken all the same: ${why}` }
    }
    case 'beaconAccepted':
      return { level: 'debug', text: `the beacon of ${new Date(event.time).toISOString()} is accepted` }
    case 'freshness':
      return { level: event.freshness === 'stale' ? 'warn' : 'info', text: FRESHNESS[event.freshness] }
    case 'providerBanned': {
      const encoding = event.encoding.slice(0, 16)
      return {
        level: 'warn',
        text: `${nameOf(event.peer)} sent bad pieces of ${encoding}... and is asked for none any more`,
      }
    }
  }
}

/** `90 s`, `12 min`, `8 h`. */
function spanText(ms: number): string {
  if (ms < 120_000) return `${Math.round(ms / 1_000)} s`
  return ms < 7_200_000 ? `${Math.round(ms / 60_000)} min` : `${Math.round(ms / 3_600_000)} h`
}
