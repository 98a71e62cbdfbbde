// History (protocol clause HISTORY): questions about the values of one node, packed blocks of them, and a block as it is on disk.
import { utf8 } from '../core/bytes.ts'
import type { NodeId } from '../core/env.ts'
import type { MetricKind } from '../core/fleet/metrics.ts'
import { type Block, BlockReader } from '../core/history/block.ts'
import type { SavedBlock } from '../core/history/node-history.ts'
import type { SeriesValue } from '../core/history/rollup.ts'
import { TIERS, type TierName } from '../core/history/tiers.ts'
import { limits } from '../core/limits.ts'
import type { HistoryRefusal, HistoryRequest, HistoryResponse, ToldBlock } from '../core/protocols.ts'
import { NODE_ID_BYTES, readNode } from './contact.ts'
import { INTEGER_MAX } from './fields.ts'
import { nodeKey } from './node-id.ts'
import { MessageReader, MessageWriter } from './protobuf.ts'
import { decodeShortContact, encodeShortContact, SHORT_CONTACT_BYTES } from './short-contact.ts'

/** Numbers on the wire are places in these lists, from 1: append only. */
const REFUSALS: readonly HistoryRefusal[] = ['forbidden', 'notKept']
const KINDS: readonly MetricKind[] = ['counter', 'gauge']

const NAME_BYTES = 2 * limits.historyNameBytes + 64
const TOLD_BYTES = limits.historyBlockBytes + 64

export function encodeHistoryRequest({ node, tier, series, since, before }: HistoryRequest): Uint8Array {
  return new MessageWriter()
    .text(1, node)
    .uint(2, tierNumber(tier))
    .texts(3, series)
    .millis(4, since)
    .uint(5, before?.run ?? 0)
    .uint(6, before?.first ?? 0)
    .finish()
}

/** Throws E_PROTOCOL. */
export function decodeHistoryRequest(bytes: Uint8Array): HistoryRequest {
  const reader = new MessageReader(bytes, 'a question about history', limits.questionBytes)
  const node = readNode(reader, 1)
  const tier = readTier(reader, 2)
  const series = reader.texts(3, limits.historyAskedSeries, limits.historyNameBytes)
  const since = reader.uint(4)
  const [run, first] = [reader.uint(5, INTEGER_MAX), reader.uint(6)]
  reader.end()
  return { node, tier, series, since, before: run === 0 ? undefined : { run, first } }
}

/** Blocks that do not fit are left out from the end, and `more` is then set. */
export function encodeHistoryResponse(response: HistoryResponse): Uint8Array {
  const message = new MessageWriter()
  if (response.refused !== undefined) message.uint(1, REFUSALS.indexOf(response.refused) + 1)
  message.bool(2, response.own).uint(3, tierNumber(response.tier))
  for (const name of response.names.slice(0, limits.historyNames)) message.bytes(4, encodeName(name))
  const keepers = response.keepers.slice(0, limits.historyAsked)
  const contacts = (response.contacts ?? []).slice(0, limits.historyAsked).map(encodeShortContact)
  let [room, sent] = [limits.historyBytes - limits.historyAsked * (NODE_ID_BYTES + SHORT_CONTACT_BYTES + 8) - 64, 0]
  for (const block of response.blocks) {
    const bytes = encodeTold(block)
    room -= bytes.length + 4
    if (room < 0) break
    message.bytes(5, bytes)
    sent++
  }
  message.bool(6, response.more || sent < response.blocks.length).texts(7, keepers)
  for (const contact of contacts) message.bytes(8, contact)
  return message.finish()
}

/** Throws E_PROTOCOL. What the blocks hold is checked when it is unpacked. */
export function decodeHistoryResponse(bytes: Uint8Array): HistoryResponse {
  const reader = new MessageReader(bytes, 'an answer about history', limits.historyBytes)
  const refusal = reader.uint(1)
  const refused = refusal === 0 ? undefined : (REFUSALS[refusal - 1] ?? reader.refuse('its refusal is unknown'))
  const own = reader.bool(2)
  const tier = readTier(reader, 3)
  const names = reader.list(4, limits.historyNames, 1, NAME_BYTES).map(decodeName)
  const blocks = reader.list(5, limits.historyBlocks + 2, 1, TOLD_BYTES).map(decodeTold)
  const more = reader.bool(6)
  const keepers = reader.texts(7, limits.historyAsked, NODE_ID_BYTES).filter((node) => nodeKey(node) !== undefined)
  const contacts = reader.list(8, limits.historyAsked, 1, SHORT_CONTACT_BYTES).map(decodeShortContact)
  reader.end()
  return { refused, own, tier, names, blocks, more, keepers, contacts }
}

/** `minutes/NODE/7/1440`: the tier, whose values, the run and the first second. */
export function historyName(node: NodeId, tier: TierName, run: number, first: number): string {
  return `${tier}/${node}/${run}/${first}`
}

export function encodeSavedBlock({ block }: SavedBlock): Uint8Array {
  const { first, last, wall, trusted, period, payload } = block
  return new MessageWriter()
    .uint(1, last - first)
    .millis(2, wall)
    .bool(3, trusted)
    .millis(4, period)
    .bytes(5, payload)
    .finish()
}

/** Throws E_PROTOCOL for a value, or a name, that is none: it costs this block. */
export function decodeSavedBlock(value: Uint8Array, name: string): SavedBlock {
  const reader = new MessageReader(value, 'a saved block of history', limits.historyBlockBytes + 64)
  const [span, wall, trusted, period] = [reader.uint(1), reader.uint(2), reader.bool(3), reader.uint(4)]
  const payload = reader.bytes(5, 1, limits.historyBlockBytes)
  reader.end()
  const [, tierName, node = '', run, first] = /^([a-z]+)[/]([^/]+)[/]([1-9]\d{0,9})[/](\d{1,15})$/.exec(name) ?? []
  const tier = TIERS.find((one) => one.name === tierName)
  if (tier === undefined || nodeKey(node) === undefined) return reader.refuse('its name says of no node and tier')
  const head = { run: Number(run), first: Number(first), last: Number(first) + span, wall, trusted, period }
  if (head.run > INTEGER_MAX) reader.refuse('its run is too large')
  const block: Block = { ...head, payload: payload.slice() }
  if (BlockReader.of(payload)?.seconds(block.first)?.at(-1) !== block.last) reader.refuse('its rows do not add up')
  return { node, tier: tier.name, block }
}

function encodeName({ name, unit, kind, value, age }: SeriesValue): Uint8Array {
  const message = new MessageWriter()
    .text(1, name)
    .text(2, unit)
    .uint(3, KINDS.indexOf(kind) + 1)
  // As text, which is what a person gets to see of it.
  message.text(4, value === null ? '' : String(value))
  // One more than the age, so that 0 stays free for "unknown".
  if (age !== undefined) message.millis(5, Math.max(age, 0) + 1)
  return message.finish()
}

function decodeName(bytes: Uint8Array): SeriesValue {
  const reader = new MessageReader(bytes, 'the name of a series', NAME_BYTES)
  const [name, unit] = [reader.text(1, limits.historyNameBytes), reader.text(2, limits.historyNameBytes)]
  const kind = KINDS[reader.uint(3) - 1] ?? reader.refuse('its kind is unknown')
  const text = reader.text(4, 32)
  const age = reader.uint(5)
  reader.end()
  const value = text === '' ? null : Number(text)
  if (name === '' || (value !== null && !Number.isFinite(value))) reader.refuse('it has no name, or no value')
  return { name, unit, kind, value, ...(age > 0 && { age: age - 1 }) }
}

function encodeTold({ run, first, age, certain, period, payload }: ToldBlock): Uint8Array {
  return new MessageWriter()
    .uint(1, run)
    .uint(2, first)
    .millis(3, age)
    .bool(4, certain)
    .millis(5, period)
    .bytes(6, payload)
    .finish()
}

function decodeTold(bytes: Uint8Array): ToldBlock {
  const reader = new MessageReader(bytes, 'a block of history', TOLD_BYTES)
  const [run, first, age] = [reader.uint(1, INTEGER_MAX), reader.uint(2), reader.uint(3)]
  const [certain, period] = [reader.bool(4), reader.uint(5)]
  const payload = reader.bytes(6, 1, limits.historyBlockBytes)
  reader.end()
  return { run, first, age, certain, period, payload }
}

function tierNumber(name: TierName): number {
  return TIERS.findIndex((tier) => tier.name === name) + 1
}

function readTier(reader: MessageReader, field: number): TierName {
  return TIERS[reader.uint(field) - 1]?.name ?? reader.refuse(`field ${field} is not a tier`)
}

/** Names of series as they may be asked for: what is longer cannot be kept either. */
export function isSeriesName(name: string): boolean {
  return name !== '' && utf8(name).length <= limits.historyNameBytes
}
