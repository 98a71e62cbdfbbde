// What a stranger shows in the gate, an invite by itself, and a token from the clipboard: a membership counts only when an enrol
// key signed its invite, and the invite's key signed what the node says of itself.
import { deflateRawSync } from 'node:zlib'
import { sameBytes } from '../../../src/core/bytes.ts'
import { HOUR, limits } from '../../../src/core/limits.ts'
import type { InviteDocument, Membership } from '../../../src/core/trust/documents.ts'
import { judgeMembership } from '../../../src/core/trust/membership.ts'
import { walkRoots } from '../../../src/core/trust/roots.ts'
import { canonicalBytes, type Json, type JsonObject, jsonOf } from '../../../src/wire/canonical.ts'
import { encodeCredential, parseCredential, parseGateReply } from '../../../src/wire/credential.ts'
import { parseInvite } from '../../../src/wire/invite.ts'
import { parseMembership } from '../../../src/wire/membership.ts'
import { sha256Hex } from '../../../src/wire/signed.ts'
import { encodeToken, parseToken, type Token } from '../../../src/wire/token.ts'
import { inviteOf, keyOf, membershipOf, met, NOW, nodeOf, seedOf } from '../../fixtures/documents.ts'
import type { Prng } from '../../sim/prng.ts'
import { type Target, Violation } from '../fuzzer.ts'
import { bytesOf, changeBytes, changeJson } from '../mutate.ts'
import { env, MESH, mutations, parsed, ROOT, ROOTS } from './genuine.ts'

const INVITES = [
  inviteOf({ mesh: MESH }),
  inviteOf({ mesh: MESH, cells: 7, seats: 9 }),
  inviteOf({ mesh: MESH, epoch: 2 }, 'old'),
]
/** A stranger grants himself everything. */
const THEFT = inviteOf({ mesh: MESH, key: keyOf('stranger').publicKey, capabilities: ['node', 'operator'] }, 'stranger')
const claims = { mesh: MESH }
const MEMBERSHIPS = INVITES.flatMap((invite, i) => {
  const membership = membershipOf({ node: `n${i}`, invite, claims })
  return [membership, met(membership, 'witness', NOW + HOUR)]
})
const GENUINE = new Set([...INVITES, ...MEMBERSHIPS.map(({ document }) => document)].map(({ hash }) => hash))
const STATEMENTS = new Set(
  MEMBERSHIPS.map(({ countersignature }) => sha256Hex(countersignature?.signedBytes ?? new Uint8Array())),
)

/** Throws when a membership is judged good of which not every part was signed by whom it says. */
function judge(membership: Membership): string {
  const { document, countersignature } = membership
  const code = judgeInvite(membership)
  if (code !== 'accepted') return code
  if (!GENUINE.has(document.hash)) throw new Violation('a membership that nobody signed is accepted')
  if (countersignature !== undefined && !STATEMENTS.has(sha256Hex(countersignature.signedBytes)))
    throw new Violation('a membership with a countersignature that nobody made is accepted')
  return 'accepted'
}

/** The same for its invite alone. */
function judgeInvite(membership: Membership): string {
  const code = judgeMembership(membership, { mesh: MESH, root: ROOT, remote: undefined, wall: NOW }, env)
  if (code !== undefined) return code
  if (!GENUINE.has(membership.invite.hash)) throw new Violation('an invite that nobody signed is accepted')
  return 'accepted'
}

/** Whoever holds the invite's key makes a membership of it: it is worth what the invite is worth. */
function worthOf(invite: InviteDocument): string {
  const by = ['invite', 'stranger'].find((name) => sameBytes(keyOf(name).publicKey, invite.signed.key))
  return by === undefined ? 'of nobody' : judgeInvite(membershipOf({ node: 'n0', invite, claims, by }))
}

export const membershipTarget: Target = {
  name: 'membership',
  generate: mutations(
    MEMBERSHIPS.map(({ raw }) => raw),
    limits.membershipBytes,
  ),
  run(input) {
    const outcome = parsed(() => parseMembership(input))
    if ('code' in outcome) return outcome.code
    if (!sameBytes(outcome.value.raw, input)) throw new Violation('the membership that was read is not what came')
    return judge(outcome.value)
  },
}

const CREDENTIALS = MEMBERSHIPS.map((membership, i) =>
  encodeCredential({ mesh: MESH, membership, witness: i % 2 === 1 ? (MEMBERSHIPS[0] as Membership) : undefined }),
)
const REPLIES = [
  { admitted: true, countersignature: { at: '2026-07-01T00:00:00Z', by: nodeOf('w'), byMembership: 'ab'.repeat(16) } },
  { admitted: false, code: 'seatTaken', takenSeats: [0, 1, 2] },
].map((reply) => canonicalBytes(reply as JsonObject))

export const credentialTarget: Target = {
  name: 'credential',
  generate: mutations([...CREDENTIALS, ...REPLIES], limits.gateMessageBytes),
  run(input) {
    parsed(() => parseGateReply(input))
    const outcome = parsed(() => parseCredential(input))
    if ('code' in outcome) return outcome.code
    const { membership, witness } = outcome.value
    if (witness !== undefined) judge(witness)
    return membership === undefined ? 'none' : judge(membership)
  },
}

export const inviteTarget: Target = {
  name: 'invite',
  generate: mutations(
    [...INVITES, THEFT].map(({ raw }) => raw),
    limits.inviteBytes,
  ),
  run(input) {
    const outcome = parsed(() => parseInvite(input))
    if ('code' in outcome) return outcome.code
    const invite = outcome.value
    if (!sameBytes(invite.raw, input)) throw new Violation('the invite that was read is not what came')
    return worthOf(invite)
  },
}

const TOKENS = ([0, 1] as const).map(
  (i): Token => ({
    mesh: MESH,
    floor: { version: 1, hash: ROOT.hash },
    floors: { targets: 2 * i, roles: i === 0 ? [] : [{ role: 'acme', epoch: 2, version: 1 }] },
    via: [`/ip4/10.0.0.1/tcp/31415/p2p/${nodeOf('n1')}`],
    inviteSecret: seedOf('invite'),
    invite: i === 0 ? (INVITES[0] as InviteDocument) : THEFT,
    roots: i === 0 ? [] : ROOTS,
  }),
)
const LINES = TOKENS.map((token) => Buffer.from(encodeToken(token)))
const CONTENTS = TOKENS.map(contentOf)

function contentOf(token: Token): JsonObject {
  const { floor, floors, via, mesh } = token
  const roles = floors.roles.map((role) => ({ ...role }))
  const json: JsonObject = {
    mesh,
    root: { ...floor },
    via: [...via],
    secret: Buffer.from(token.inviteSecret).toString('hex'),
  }
  return {
    ...json,
    invite: jsonOf(token.invite.raw),
    floors: { targets: Math.max(1, floors.targets), roles },
    roots: token.roots.map(({ raw }) => jsonOf(raw)),
  }
}

/** A line with a right checksum, so that what is inside is read. */
function lineOf(content: Uint8Array): Uint8Array {
  const packed = deflateRawSync(content)
  const sum = Buffer.from(sha256Hex(packed).slice(0, 8), 'hex')
  return Buffer.from(`pimesh1.${Buffer.concat([packed, sum]).toString('base64url')}`)
}

export const tokenTarget: Target = {
  name: 'token',
  generate(chance: Prng) {
    const [one, other] = [chance.int(0, 1), chance.int(0, 1)]
    const way = chance.real()
    if (way < 0.2) return changeBytes(chance, LINES[one] as Uint8Array, LINES[other] as Uint8Array)
    // What unpacks to a thousand times its size.
    if (way < 0.21) return lineOf(Buffer.alloc(chance.pick([limits.tokenBytes, 2 ** 21]) as number, '['))
    let content: Json = CONTENTS[one] as JsonObject
    for (let times = chance.int(0, 2); times > 0; times--)
      content = changeJson(chance, content, CONTENTS[other] as Json)
    const bytes = bytesOf(chance, content)
    return lineOf(chance.chance(0.1) ? changeBytes(chance, bytes, bytes) : bytes)
  },
  run(input) {
    const outcome = parsed(() => parseToken(Buffer.from(input).toString('latin1')))
    if ('code' in outcome) return outcome.code
    const token = outcome.value
    if (encodeToken(parseToken(encodeToken(token))) !== encodeToken(token))
      throw new Violation('a token is not what it was when it is read again')
    const { accepted } = walkRoots(undefined, token.roots, { mesh: MESH, floor: token.floor }, env)
    if (!accepted.every(({ hash }) => ROOTS.some((root) => root.hash === hash)))
      throw new Violation('a token brings a root that nobody signed')
    return worthOf(token.invite)
  },
}
