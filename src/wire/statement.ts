// The enrolment statement of an enrol key (clause STATEMENT): what it revokes and prolongs. What a newer pimesh adds to it is kept
// and passed on, since the register has to converge on nodes of different versions.
import type { Millis, NodeId } from '../core/env.ts'
import { limits } from '../core/limits.ts'
import type { Extension, Policy, Statement, StatementDocument } from '../core/trust/statement.ts'
import { zoneProblem } from '../core/zone.ts'
import { documentFailure, type Json, type JsonObject, jsonOf, parseCanonical } from './canonical.ts'
import { dateText, dateValue, Fields, isHex } from './fields.ts'
import { ZONE_TEXT } from './invite.ts'
import { nodeKey } from './node-id.ts'
import { pathProblem } from './release.ts'
import { parseSigned, requireSpecVersion, SPEC_VERSION } from './signed.ts'
import { roleNameProblem } from './targets.ts'

const WHAT = 'enrolment statement'
/** `22:00-06:00` */
const HOURS_TEXT = 11

/** Parses a statement strictly; says nothing about its signature. @throws Failure E_DOCUMENT */
export function parseStatement(bytes: Uint8Array): StatementDocument {
  const json = parseCanonical(bytes, { maxBytes: limits.statementBytes, what: WHAT })
  const document = parseSigned(json, WHAT, readStatement)
  if (document.signatures.length !== 1) throw documentFailure(WHAT, 'it must have exactly one signature')
  return document
}

function readStatement(json: Json): Statement {
  const required = ['_type', 'spec_version', 'mesh', 'enroller', 'epoch', 'version', 'issued', 'revoked', 'extended']
  const fields = new Fields(json, WHAT, { required, open: true })
  fields.literal('_type', 'enrolment')
  requireSpecVersion(fields)
  const revoked = new Fields(fields.json('revoked'), WHAT, { required: ['nodes', 'invites'], open: true })
  const issued = fields.date('issued')
  return {
    mesh: fields.hex('mesh', 32),
    enroller: fields.hex('enroller', 32),
    epoch: fields.integer('epoch'),
    version: fields.integer('version'),
    issued,
    nodes: readDates(revoked, 'nodes', limits.revokedNodes, (node) => nodeKey(node) !== undefined),
    invites: readDates(revoked, 'invites', limits.revokedInvites, (hash) => isHex(hash, 32)),
    extensions: fields.list('extended', limits.extensions).map((item) => readExtension(item, issued)),
    policies: fields.has('policies') ? fields.list('policies', limits.policies).map(readPolicy) : [],
  }
}

function readDates(
  fields: Fields,
  key: string,
  most: number,
  accepts: (name: string) => boolean,
): ReadonlyMap<string, Millis> {
  const entries = fields.entries(key, most).map(([name, date]) => {
    const until = typeof date === 'string' ? dateValue(date) : undefined
    return until !== undefined && accepts(name) ? ([name, until] as const) : fields.fail(key, `${key} with dates`)
  })
  return new Map(entries)
}

function readExtension(json: Json, issued: Millis): Extension {
  const fields = new Fields(json, `${WHAT} (extension)`, { required: ['until'], optional: ['zone', 'invite'] })
  if (fields.has('zone') === fields.has('invite')) fields.fail('extended', 'about either a zone or an invite')
  const zone = fields.has('zone') ? fields.text('zone', ZONE_TEXT) : undefined
  if (zone !== undefined && zoneProblem(zone) !== undefined) fields.fail('zone', 'a zone')
  const until = fields.date('until')
  if (until > issued + limits.extensionMax) fields.fail('until', 'at most two years after "issued"')
  return { zone, invite: fields.has('invite') ? fields.hex('invite', 32) : undefined, until }
}

/** What a newer pimesh restricts beside it is not known here: it restricts there only. */
function readPolicy(json: Json): Policy {
  const fields = new Fields(json, `${WHAT} (policy)`, { required: ['zone', 'vetoes'], open: true })
  const zone = fields.text('zone', ZONE_TEXT)
  if (zoneProblem(zone) !== undefined) fields.fail('zone', 'a zone')
  const isRole = (name: string) => roleNameProblem(name) === undefined
  const publishers = fields.has('publishers')
    ? fields.texts('publishers', limits.policyNames, isRole, 'names of publishers')
    : undefined
  const vetoes = fields.list('vetoes', limits.policyNames).map(readVeto)
  const hours = fields.has('hours') ? parseHours(fields.text('hours', HOURS_TEXT)) : undefined
  if (fields.has('hours') && hours === undefined) fields.fail('hours', 'such as 22:00-06:00')
  return { zone, publishers, vetoes, hours }
}

function readVeto(json: Json): Policy['vetoes'][number] {
  const fields = new Fields(json, `${WHAT} (veto)`, { required: ['path', 'counter'] })
  const path = fields.text('path', limits.pathLength)
  if (pathProblem(path) !== undefined) fields.fail('path', 'the path of a release')
  return { path, counter: fields.integer('counter') }
}

/** `22:00-06:00` in minutes of the day; undefined for what is no such text, or no time at all. */
export function parseHours(text: string): Policy['hours'] {
  const [, ...parts] = /^([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)$/.exec(text) ?? []
  const [fromHour, fromMinute, toHour, toMinute] = parts.map(Number) as [number, number, number, number]
  const hours = { from: 60 * fromHour + fromMinute, to: 60 * toHour + toMinute }
  return parts.length === 4 && hours.from !== hours.to ? hours : undefined
}

/** The `signed` part that follows `previous`: what a newer pimesh wrote there, beyond what this one knows, stays. */
export function statementJson(statement: Statement, previous?: StatementDocument): JsonObject {
  const before = previous === undefined ? {} : jsonOf(previous.signedBytes)
  const { mesh, enroller, epoch, version } = statement
  return {
    ...before,
    ...{ _type: 'enrolment', spec_version: SPEC_VERSION, mesh, enroller, epoch, version },
    issued: dateText(statement.issued),
    revoked: {
      ...(before.revoked as JsonObject | undefined),
      nodes: datesJson(statement.nodes),
      invites: datesJson(statement.invites),
    },
    extended: statement.extensions.map(extensionJson),
    ...(statement.policies.length === 0 && before.policies === undefined
      ? {}
      : { policies: statement.policies.map((policy) => policyJson(policy, before.policies)) }),
  }
}

function datesJson(dates: ReadonlyMap<NodeId | string, Millis>): JsonObject {
  return Object.fromEntries([...dates].map(([name, until]) => [name, dateText(until)]))
}

/** On top of what the statement before said of the same zone. */
function policyJson({ zone, publishers, vetoes, hours }: Policy, before: Json | undefined): JsonObject {
  const earlier = (Array.isArray(before) ? before : []) as JsonObject[]
  const { publishers: _, hours: __, ...kept } = earlier.find((policy) => policy.zone === zone) ?? {}
  return {
    ...kept,
    ...(publishers === undefined ? {} : { publishers: [...publishers] }),
    ...(hours === undefined ? {} : { hours: hoursText(hours) }),
    zone,
    vetoes: vetoes.map((veto) => ({ ...veto })),
  }
}

/** What `parseHours` reads. */
export function hoursText({ from, to }: NonNullable<Policy['hours']>): string {
  return `${clockText(from)}-${clockText(to)}`
}

function clockText(minutes: number): string {
  const two = (number: number) => String(number).padStart(2, '0')
  return `${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`
}

function extensionJson({ zone, invite, until }: Extension): JsonObject {
  const scope: JsonObject = zone === undefined ? { invite: invite as string } : { zone }
  return { ...scope, until: dateText(until) }
}
