// One line of the trace for an input or an effect: its type and the fields that tell it from its like.
import type { Effect, Input } from '../../src/core/events.ts'

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
    case 'disconnected':
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
    case 'dial':
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
    default:
      return event.type
  }
}

function order(record: { incarnation: number; counter: number } | undefined): string {
  return record === undefined ? 'no record' : `${record.incarnation}.${record.counter}`
}
