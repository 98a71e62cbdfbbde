// One line of the trace for an input or an effect: its type and the fields that tell it from its like.
import { toHex } from '../../src/core/bytes.ts'
import type { Effect, Input } from '../../src/core/events.ts'

import type { PieceArrival } from '../../src/core/swarm/messages.ts'
import type { Head } from '../../src/core/trust/announcement.ts'

/** Short names of nodes: a node id says nothing to a reader of a trace. */
export type NameOf = (node: string) => string

export function describeInput(input: Input, name: NameOf): string {
  switch (input.type) {
    case 'wall':
      return `wall ${input.wall}`
    case 'sampled':
      return `sampled ${input.clockTrusted}`
    case 'published':
      return `published ${order(input.record)}`
    case 'persisted':
    case 'persistFailed':
      return `${input.type} ${input.ticket}`
    case 'credential':
      return `credential ${name(input.remote)}`
    case 'countersigned':
      return `countersigned ${name(input.membership.countersignature?.by ?? '')}`
    case 'connected':
      return `connected ${name(input.peer)} ${input.direction}`
    case 'moved':
      return `moved ${name(input.peer)} ${input.route} ${input.direction}`
    case 'observed':
      return `observed ${name(input.peer)} ${input.address}`
    case 'reserved':
    case 'unreserved':
      return `${input.type} ${name(input.relay)}`
    case 'disconnected':
    case 'improveFailed':
    case 'pulsed':
    case 'pulseMissed':
    case 'dialFailed':
    case 'discovered':
      return `${input.type} ${name(input.peer)}`
    case 'gossip':
      return `gossip ${name(input.from)} ${input.envelope.membership.slice(0, 8)} ${order(input.record)}`
    case 'asked':
    case 'answered':
    case 'askFailed':
      return `${input.type} ${input.protocol} ${name(input.peer)} ${input.ticket}`
    case 'query':
      return `query ${input.ticket}`
    case 'headHeard':
      return `headHeard ${name(input.from)} ${head(input.head)} ${input.ticket}`
    case 'submitted':
      return `submitted ${head({ ...input.announcement.signed, ...input.announcement })} ${input.ticket}`
    case 'piecesOpened':
    case 'piecesClosed':
      return `${input.type} ${name(input.peer)}`
    case 'pieceMessage':
      return `pieceMessage ${name(input.peer)} ${describePiece(input.message)}`
    case 'artifactPrepared':
      return `artifactPrepared ${input.ticket} ${toHex(input.have)}`
    case 'pieceKept':
    case 'artifactSynced':
      return `${input.type} ${input.ticket}`
    case 'pieceServed':
      return `pieceServed ${input.ticket} ${input.problem?.code ?? 'well'}`
    case 'artifactFailed':
      return `artifactFailed ${input.ticket} ${input.problem.code}`
    case 'installStepped':
      return `installStepped ${input.ticket} ${input.problem?.reason ?? 'well'}`
    default:
      return input.type
  }
}

export function describeEffect(effect: Effect, name: NameOf): string {
  switch (effect.type) {
    case 'publish':
      return `publish ${order(effect.record)} T=${effect.record.promise} flags=${effect.record.flags}`
    case 'verdict':
      return `verdict ${effect.verdict}`
    case 'admit':
      return `admit ${effect.admission.admitted ? 'yes' : effect.admission.code}`
    case 'persist':
      return `persist ${effect.ticket} ${effect.changes.length}${effect.sync ? ' sync' : ''}`
    case 'reserve':
    case 'release':
      return `${effect.type} ${name(effect.relay)}`
    case 'improve':
      return `improve ${effect.how} ${name(effect.peer)}`
    case 'dial':
    case 'pulse':
    case 'close':
      return `${effect.type} ${name(effect.peer)}`
    case 'ask':
      return `ask ${effect.protocol} ${name(effect.peer)} ${effect.ticket}`
    case 'reply':
      return `reply ${effect.protocol} ${effect.ticket}`
    case 'queryDone':
      return `queryDone ${effect.ticket} ${effect.result.zones.map((zone) => zone.state.charAt(0)).join('')}`
    case 'event':
      return describeEvent(effect.event, name)
    case 'publishHead':
      return `publishHead ${head(effect.head)}`
    case 'submission':
      return `submission ${effect.ticket} ${effect.refused ?? 'in force'}`
    case 'piecesOpen':
    case 'piecesClose':
    case 'piecesExpect':
      return `${effect.type} ${name(effect.peer)}`
    case 'pieceSay':
      return `pieceSay ${name(effect.peer)} ${describePiece(effect.message)}`
    case 'pieceServe':
      return `pieceServe ${name(effect.peer)} ${effect.encoding.slice(0, 8)} ${effect.index} ${effect.ticket}`
    case 'pieceKeep':
      return `pieceKeep ${effect.encoding.slice(0, 8)} ${effect.index} ${effect.ticket}`
    case 'artifactPrepare':
      return `artifactPrepare ${effect.encoding.hash.slice(0, 8)} ${effect.ticket}`
    case 'artifactSync':
    case 'artifactForget':
      return `${effect.type} ${effect.encoding.slice(0, 8)}`
    case 'install':
      return `install ${effect.step} ${effect.job.path} ${effect.job.counter} ${effect.ticket}`
    default:
      return effect.type
  }
}

function describeEvent(event: Extract<Effect, { type: 'event' }>['event'], name: NameOf): string {
  switch (event.type) {
    case 'status':
      return `status ${name(event.node)} ${event.from ?? 'new'} -> ${event.to}`
    case 'alert':
      return `alert ${event.kind} ${name(event.node)}`
    case 'refused':
      return `refused ${event.code} ${name(event.peer)} ${event.detail}`
    case 'incarnation':
      return `incarnation ${event.incarnation} ${event.reason}`
    case 'announced':
      return `announced ${event.role} ${event.epoch}.${event.version}`
    case 'announcementRefused':
      return `announcementRefused ${event.code} ${event.role} ${event.version}`
    case 'install':
      return `install ${event.name} ${event.state} ${event.detail ?? ''}`
    case 'providerBanned':
      return `providerBanned ${name(event.peer)}`
    default:
      return event.type
  }
}

function describePiece(message: PieceArrival | undefined): string {
  if (message === undefined) return 'malformed'
  const encoding = message.encoding.slice(0, 8)
  if (message.type === 'bitfield') return `bitfield ${encoding} ${toHex(message.bits)}${message.wants ? ' wants' : ''}`
  return `${message.type} ${encoding} ${message.index}`
}

function head({ role, epoch, version, hash }: Head): string {
  return `${role} ${epoch}.${version} ${hash.slice(0, 8)}`
}

function order(record: { incarnation: number; counter: number } | undefined): string {
  return record === undefined ? 'no record' : `${record.incarnation}.${record.counter}`
}
