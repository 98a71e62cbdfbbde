// What was genuinely signed in the mesh that is fuzzed, and whose keys an attacker has: enough to sign as a stranger, with one key
// less than a threshold, or for another role. Whatever is judged as validly signed must be among the genuine documents.
import { Failure } from '../../../src/core/failure.ts'
import { DAY } from '../../../src/core/limits.ts'
import type { Release } from '../../../src/core/trust/announcement.ts'
import type { RootDocument } from '../../../src/core/trust/documents.ts'
import type { Terms } from '../../../src/core/trust/registers.ts'
import {
  type AnnouncementTerms,
  announcementJson,
  parseAnnouncement,
  withoutRelease,
} from '../../../src/wire/announcement.ts'
import { canonicalBytes, type Json, type JsonObject, jsonOf } from '../../../src/wire/canonical.ts'
import { Recent } from '../../../src/wire/recent.ts'
import { parseRoot, rootJson } from '../../../src/wire/root.ts'
import { encodeSigned, sha256Hex } from '../../../src/wire/signed.ts'
import { parseTargets, targetsJson } from '../../../src/wire/targets.ts'
import { delegationOf, keyOf, NOW, env as realEnv, releaseOf, rootOf } from '../../fixtures/documents.ts'
import type { Prng } from '../../sim/prng.ts'
import { bytesOf, changeBytes, changeJson, hugeBytes, nudgeJson } from '../mutate.ts'

const verdicts = new Recent<string, boolean>(4_096)
const idOf = (parts: readonly Uint8Array[]) => sha256Hex(Buffer.concat(parts))

/** Real crypto; a signature that was checked is not checked again, since most inputs carry the same ones. */
export const env: typeof realEnv = {
  ...realEnv,
  verify: (...parts) => verdicts.get(`n${idOf(parts)}`, () => realEnv.verify(...parts)),
  verifyStrict: (...parts) => verdicts.get(`s${idOf(parts)}`, () => realEnv.verifyStrict(...parts)),
}

function rootWith(version: number, names: string[]): JsonObject {
  const root = rootOf({ version, root: names, threshold: 2, retired: ['old'] })
  const targets = ['t1', 't2', 't3'].map(keyOf)
  for (const { keyId, publicKey } of targets) (root.keys as Map<string, Uint8Array>).set(keyId, publicKey)
  const zones = new Map([[keyOf('enrol').keyId, '/uk']])
  const roles = { ...root.roles, targets: { keyIds: targets.map(({ keyId }) => keyId), threshold: 2 } }
  return rootJson({ ...root, roles, enrolment: { ...root.enrolment, zones } })
}

const sign = (signed: JsonObject, by: string[]) => encodeSigned(signed, by.map(keyOf))

/** Version 1 is held; r3 gave its place to r4 in version 2. */
export const ROOTS = [
  parseRoot(sign(rootWith(1, ['r1', 'r2', 'r3']), ['r1', 'r3'])),
  parseRoot(sign(rootWith(2, ['r1', 'r2', 'r4']), ['r1', 'r2', 'r4'])),
  parseRoot(sign(rootWith(3, ['r1', 'r2', 'r4']), ['r2', 'r4'])),
] as const
export const ROOT: RootDocument = ROOTS[0]
export const MESH = ROOT.hash

const acme = delegationOf({ by: ['p1', 'p2', 'p3'], threshold: 2, epoch: 2 })
const tools = delegationOf({ name: 'tools', by: ['q1', 'q2'], threshold: 2, paths: ['tools/*', 'acme/?*'] })

function targetsWith(version: number, changes: object = {}): JsonObject {
  const keys = new Map(['p1', 'p2', 'p3', 'q1', 'q2'].map((name) => [keyOf(name).keyId, keyOf(name).publicKey]))
  return { ...targetsJson({ version, expires: NOW + 365 * DAY, keys, roles: [acme, tools] }), ...changes }
}

/** Version 2 is in force; there are two of version 3. */
export const TARGETS = [
  parseTargets(sign(targetsWith(1), ['t1', 't2'])),
  parseTargets(sign(targetsWith(2), ['t1', 't3'])),
  parseTargets(sign(targetsWith(3), ['t1', 't2', 't3'])),
  parseTargets(sign(targetsWith(3, { later: 'a field of a later version', epoch: 1, formerEpoch: 3 }), ['t2', 't3'])),
] as const
export const IN_FORCE = TARGETS[1]

function frameOf(terms: Partial<AnnouncementTerms>): AnnouncementTerms {
  return { mesh: MESH, role: 'acme', epoch: 2, version: 1, expires: NOW + 90 * DAY, ...terms }
}

function announce(terms: Partial<AnnouncementTerms>, path: string, by: string[]) {
  const frame = frameOf(terms)
  return parseAnnouncement(sign(announcementJson(frame, { [path]: releaseOf({ counter: frame.version }) }), by))
}

/** Of two roles; version 2 of acme is signed twice, and one is of an epoch that is over. */
export const ANNOUNCEMENTS = [
  announce({ version: 1 }, 'acme/agent', ['p1', 'p2']),
  announce({ version: 2 }, 'acme/agent', ['p2', 'p3']),
  announce({ version: 2 }, 'acme/other', ['p1', 'p3']),
  announce({ version: 3 }, 'acme/agent', ['p1', 'p2', 'p3']),
  announce({ version: 9, epoch: 1 }, 'acme/agent', ['p1', 'p2']),
  announce({ version: 1, role: 'tools', epoch: 1 }, 'tools/hammer', ['q1', 'q2']),
] as const

const [LIB] = announce({ version: 4 }, 'acme/lib', ['p1', 'p2']).signed.releases as [Release]
const bundle = { 'acme/agent': releaseOf({ counter: 5, requires: [LIB.hash] }), 'acme/lib': releaseOf({ counter: 4 }) }
const BUNDLE = parseAnnouncement(sign(announcementJson(frameOf({ version: 5 }), bundle), ['p2', 'p3']))

/** A release that requires another one, and the same with that one taken back. */
export const BUNDLES = [
  BUNDLE,
  parseAnnouncement(sign(withoutRelease(BUNDLE, frameOf({ version: 6 }), LIB), ['p1', 'p3'])),
] as const

/** What announcements of a role are judged by. */
export function termsOf(role: string): Terms {
  const delegation = IN_FORCE.signed.roles.find(({ name }) => name === role)
  return { mesh: MESH, delegation, keys: IN_FORCE.signed.keys, env }
}

const keys = new Recent<string, ReturnType<typeof keyOf>>(32)

/** Sets of keys, none of which is the threshold of any role above, nor the only key of anything. */
export const TOO_FEW: readonly string[][] = [
  [],
  ['stranger'],
  ['stranger', 'thief'],
  ['r1', 'stranger'],
  ['t1'],
  ['t2', 'r2'],
  ['p1', 'q1'],
  ['p3', 'stranger', 'q2'],
  ['r1', 't1', 'p1', 'q1'],
]

/** The document signed anew by keys that are too few, in the name of whoever it was signed by. @param few sets of such keys. */
export function resigned(chance: Prng, document: Json, few = TOO_FEW): Json {
  const { signed } = (document ?? {}) as { signed?: Json }
  const bytes = signedBytesOf(signed ?? null)
  if (bytes === undefined) return document
  const by = (chance.pick(few) as string[]).map((name) => keys.get(name, keyOf))
  const signatures = by.map(({ keyId, sign }) => ({ keyid: keyId, sig: Buffer.from(sign(bytes)).toString('hex') }))
  if (chance.chance(0.3)) signatures.push(...signatures.map((one) => ({ ...one, keyid: keyOf('r2').keyId })))
  return { signed: signed ?? null, signatures }
}

function signedBytesOf(signed: Json): Uint8Array | undefined {
  try {
    return canonicalBytes(signed)
  } catch (error) {
    if (error instanceof Failure) return undefined
    throw error
  }
}

/** Makes inputs of genuine documents: changed in their structure, signed anew, changed in their bytes, or huge. @param cap 0: none is huge. */
export function mutations(samples: readonly Uint8Array[], cap: number, few = TOO_FEW): (chance: Prng) => Uint8Array {
  const documents = samples.map((bytes) => jsonOf(bytes))
  return (chance) => {
    const [sample, other] = [chance.int(0, samples.length - 1), chance.int(0, samples.length - 1)]
    const way = chance.real()
    if (way < 0.02) return samples[sample] as Uint8Array
    if (way < 0.27) return changeBytes(chance, samples[sample] as Uint8Array, samples[other] as Uint8Array)
    if (way < 0.275 && cap > 0) return hugeBytes(chance, cap)
    let document: Json = documents[sample] as JsonObject
    const isGentle = chance.chance(0.5)
    for (let times = chance.pick([1, 1, 1, 2, 4]) as number; times > 0; times--)
      document = isGentle ? nudgeJson(chance, document) : changeJson(chance, document, documents[other] as JsonObject)
    return bytesOf(chance, chance.chance(0.4) ? resigned(chance, document, few) : document)
  }
}

/** The outcome of a parser: what it gave, or the code of its failure. Anything else that it throws is for the fuzzer. */
export function parsed<T>(parse: () => T): { value: T } | { code: string } {
  try {
    return { value: parse() }
  } catch (error) {
    if (error instanceof Failure) return { code: error.code }
    throw error
  }
}

/** One after the other, each with its length in four bytes before it. */
export function rowOf(parts: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(
    parts.flatMap((part) => {
      const length = Buffer.alloc(4)
      length.writeUInt32BE(part.length)
      return [length, part]
    }),
  )
}

/** What `rowOf` joined. */
export function partsOf(row: Uint8Array): Uint8Array[] {
  const [bytes, parts] = [Buffer.from(row), [] as Uint8Array[]]
  for (let at = 0; at + 4 <= bytes.length; ) {
    const length = bytes.readUInt32BE(at)
    parts.push(bytes.subarray(at + 4, at + 4 + length))
    at += 4 + length
  }
  return parts
}

/** Rows of three to eight documents: half of them as they were signed, the others mutated. */
export function rows(samples: readonly Uint8Array[], mutated: (chance: Prng) => Uint8Array) {
  return (chance: Prng): Uint8Array => {
    const length = chance.int(3, 8)
    const parts = Array.from({ length }, () =>
      chance.chance(0.5) ? (chance.pick(samples) as Uint8Array) : mutated(chance),
    )
    return rowOf(parts)
  }
}
