// The invite: what an enrol key grants to whoever holds the invite key (clause INVITE).
import { toHex } from '../core/bytes.ts'
import { limits } from '../core/limits.ts'
import type { Capability, Invite, InviteDocument } from '../core/trust/documents.ts'
import { labelProblem } from '../core/trust/labels.ts'
import { zoneProblem } from '../core/zone.ts'
import { documentFailure, type Json, type JsonObject, parseCanonical } from './canonical.ts'
import { dateText, Fields } from './fields.ts'
import { parseSigned } from './signed.ts'

const WHAT = 'invite'
const REQUIRED = [
  ...['_type', 'mesh', 'key', 'zone', 'cells', 'labels', 'capabilities'],
  ...['seats', 'expires', 'membershipExpires', 'epoch', 'founding'],
]
const CAPABILITIES: readonly string[] = ['node', 'operator'] satisfies Capability[]
/** 6 segments of 32, their slashes and a cell. */
export const ZONE_TEXT = limits.zoneSegments * (limits.zoneSegmentLength + 1) + 4

/** Parses an invite document strictly; says nothing about its signature. @throws Failure E_DOCUMENT */
export function parseInvite(bytes: Uint8Array): InviteDocument {
  return inviteFromJson(parseCanonical(bytes, { maxBytes: limits.inviteBytes, what: WHAT }))
}

/** The same for JSON that came inside another canonical document. */
export function inviteFromJson(json: Json): InviteDocument {
  const document = parseSigned(json, WHAT, readInvite)
  if (document.raw.length > limits.inviteBytes)
    throw documentFailure(WHAT, `it has more than ${limits.inviteBytes} bytes`)
  if (document.signatures.length !== 1) throw documentFailure(WHAT, 'it must have exactly one signature')
  return document
}

function readInvite(json: Json): Invite {
  const fields = new Fields(json, WHAT, { required: REQUIRED })
  fields.literal('_type', 'invite')
  const invite: Invite = {
    mesh: fields.hex('mesh', 32),
    key: fields.bytes('key', 32),
    zone: fields.text('zone', ZONE_TEXT),
    cells: fields.integer('cells', 1, limits.cells),
    labels: readLabels(fields),
    capabilities: fields.texts(
      'capabilities',
      8,
      (text) => CAPABILITIES.includes(text),
      'capabilities',
    ) as Capability[],
    seats: fields.integer('seats', 1, limits.inviteSeats),
    expires: fields.date('expires'),
    membershipExpires: fields.date('membershipExpires'),
    epoch: fields.integer('epoch'),
    founding: fields.flag('founding'),
  }
  const problem = inviteProblem(invite)
  if (problem !== undefined) throw documentFailure(WHAT, problem)
  return invite
}

function readLabels(fields: Fields): Record<string, string> {
  const labels: [string, string][] = []
  for (const [key, value] of fields.entries('labels', limits.labels)) {
    if (typeof value !== 'string' || labelProblem(key, value) !== undefined) return fields.fail('labels', 'labels')
    labels.push([key, value])
  }
  return Object.fromEntries(labels)
}

/** Why the parts of an invite do not go together, or undefined when they do. */
function inviteProblem(invite: Invite): string | undefined {
  const { zone, cells, capabilities, founding, seats } = invite
  const wrong = zoneProblem(zone)
  if (wrong !== undefined) return `its zone is none: ${wrong}`
  if (zone.includes('~')) return 'its zone names a cell: the cell follows from the node'
  if (capabilities.length === 0) return 'it grants no capability'
  if (zone === '/' && (capabilities.includes('node') || cells > 1)) return 'a node needs a zone below "/"'
  return founding && seats !== 1 ? 'a founding invite has one seat' : undefined
}

/** The `signed` part of an invite. */
export function inviteJson(invite: Invite): JsonObject {
  return {
    _type: 'invite',
    mesh: invite.mesh,
    key: toHex(invite.key),
    zone: invite.zone,
    cells: invite.cells,
    labels: { ...invite.labels },
    capabilities: [...invite.capabilities],
    seats: invite.seats,
    expires: dateText(invite.expires),
    membershipExpires: dateText(invite.membershipExpires),
    epoch: invite.epoch,
    founding: invite.founding,
  }
}
