// Joining: from a token to a membership in the data folder. Meets one member, learns the roots, verifies everything
// against the token, and only then writes. Nothing is left behind when any step fails, but the key of an attempt that may have
// taken its seat (joining-key.ts).
import { hostname } from 'node:os'
import { Failure, type FailureCode } from '../core/failure.ts'
import { limits, MINUTE } from '../core/limits.ts'
import type { Contact, SyncResponse } from '../core/protocols.ts'
import { EMPTY_VECTOR } from '../core/trust/announcement.ts'
import type { Membership, RootDocument } from '../core/trust/documents.ts'
import { judgeCountersignature, judgeMembership } from '../core/trust/membership.ts'
import { walkRoots } from '../core/trust/roots.ts'
import { cryptoEnv } from '../keys/env.ts'
import { type Mesh, startMesh } from '../mesh/node.ts'
import { makeMembership, openToken } from '../publish/membership.ts'
import { decodeResponse, encodeRequest, messageBytes } from '../wire/messages.ts'
import { addressNode, type Token } from '../wire/token.ts'
import { refusalText } from './api-types.ts'
import { alreadyJoined, hasJoined, needWritable, writeJoined } from './folder.ts'
import { joiningGate, type Meeting } from './gate.ts'
import { type Attempt, beginAttempt } from './joining-key.ts'

export interface JoinRequest {
  data: string
  token: string
  /** What people will call the node; the host name when undefined. */
  name: string | undefined
  /** undefined: any seat that is free. */
  seat: number | undefined
  /** Wall time in ms. */
  now: number
  /** Tells a person what is being done. */
  progress: (text: string) => void
}

export interface JoinResult {
  node: string
  name: string
  zone: string
  mesh: string
  seat: number
  /** The first node of the mesh: no member was met. */
  founding: boolean
}

/** How long all members of the token together may take to answer. */
const JOIN_TIMEOUT = MINUTE
/** A seat may be taken between two attempts, by others who join at the same time. */
const SEAT_ATTEMPTS = 5

interface Introduction {
  membership: Membership
  witness: Membership | undefined
  roots: readonly RootDocument[]
  contacts: readonly Contact[]
}

/**
 * Joins; fails with one sentence and writes nothing, or writes the folder whole. When it ended after a member may have taken
 * us in, the key of the attempt stays in the folder, for the next one with this token.
 */
export async function join(request: JoinRequest): Promise<JoinResult> {
  if (await hasJoined(request.data)) throw alreadyJoined(request.data)
  const token = openToken(request.token, request.now)
  await needWritable(request.data)
  const attempt = await beginAttempt(request.data, token.invite.hash)
  const { secret } = attempt
  const name = request.name ?? defaultName()
  const make = (seat: number) => makeMembership({ token, nodeSecret: secret, seat, name, now: request.now })
  const introduction = token.invite.signed.founding
    ? found(token, make(request.seat ?? 0))
    : await meet(request, token, attempt, make)
  const { membership, witness, roots, contacts } = introduction
  const rootFloor = token.floor.version
  const { floors } = token
  await writeJoined(request.data, {
    mesh: token.mesh,
    secret,
    membership,
    witness,
    roots,
    rootFloor,
    floors,
    via: token.via,
    contacts,
  })
  await attempt.forget()
  return {
    node: membership.claims.node,
    name,
    zone: membership.claims.zone,
    mesh: token.mesh,
    seat: membership.claims.seat,
    founding: token.invite.signed.founding,
  }
}

/** The host name, cut to what a node's name may be. */
function defaultName(): string {
  const plain = hostname()
    .toLowerCase()
    .replace(/[^a-z0-9._-]/g, '-')
  const name = plain.replace(/^[^a-z0-9]+/, '').slice(0, limits.nameLength)
  return name === '' ? 'node' : name
}

/** The first node of a mesh meets nobody: its token holds the roots. */
function found(token: Token, membership: Membership): Introduction {
  return { membership, witness: undefined, roots: checkRoots(token, token.roots), contacts: [] }
}

function checkRoots(token: Token, chain: readonly RootDocument[]): readonly RootDocument[] {
  const { mesh, floor } = token
  const env = cryptoEnv(Math.random)
  // First without the floor, which tells a member that is behind from one that shows the root of another mesh.
  const held = walkRoots(undefined, chain, { mesh }, env).root?.signed.version ?? floor.version
  if (held < floor.version) throw rootOld(held, floor.version)
  const walk = walkRoots(undefined, chain, { mesh, floor }, env)
  if (walk.problem !== undefined || walk.root === undefined) {
    const problem = walk.problem ?? 'there is none'
    throw new Failure(
      'E_ROOT_INVALID',
      `the root of trust that was offered is not the one of this invite (${problem}): ask for a new invite, and do not trust the members that it names`,
    )
  }
  return walk.accepted
}

function rootOld(held: number, floor: number): Failure {
  const advice = 'they are behind or hostile; use an invite that names another member'
  return new Failure(
    'E_ROOT_OLD',
    `the members that were reached hold root version ${held}, but this invite requires ${floor} or newer: ${advice}`,
  )
}

/** Tries the members of the token in turn, and free seats, until one introduces us. */
async function meet(
  request: JoinRequest,
  token: Token,
  attempt: Attempt,
  make: (seat: number) => Membership,
): Promise<Introduction> {
  const signal = AbortSignal.timeout(JOIN_TIMEOUT)
  const taken = new Set<number>()
  const unmet: Unmet[] = []
  let telling: Failure | undefined
  let mayBeTaken = attempt.seat !== undefined
  try {
    for (const address of token.via) {
      for (let round = 0; round < SEAT_ATTEMPTS; round++) {
        const seat = request.seat ?? ownSeat(attempt, taken) ?? freeSeat(token.invite.signed.seats, taken)
        request.progress(`meeting the member at ${address}`)
        const outcome = await meetAt(address, token, attempt, make(seat), signal)
        if (!(outcome instanceof Failure)) return outcome
        if (outcome.code === 'E_NO_MEMBER') unmet.push({ address, reason: outcome.message })
        else telling = outcome
        const { takenSeats, unsettled } = outcome as MeetFailure
        mayBeTaken ||= unsettled === true
        if (takenSeats === undefined || request.seat !== undefined) break
        for (const other of takenSeats) taken.add(other)
      }
    }
    throw telling ?? noMember(unmet)
  } catch (error) {
    if (!mayBeTaken) await attempt.forget()
    throw error
  }
}

/** `unsettled`: the member saw our membership, and did not say that it refuses it. */
type MeetFailure = Failure & { takenSeats?: readonly number[]; unsettled?: boolean }

/** The seat on which an earlier attempt with this token may sit already. */
function ownSeat({ seat }: Attempt, taken: ReadonlySet<number>): number | undefined {
  return seat === undefined || taken.has(seat) ? undefined : seat
}

function freeSeat(seats: number, taken: ReadonlySet<number>): number {
  const free = Array.from({ length: seats }, (_, seat) => seat).filter((seat) => !taken.has(seat))
  if (free.length === 0) {
    const used = seats === 1 ? 'this invite has been used already' : `all ${seats} seats of this invite are taken`
    const advice = 'ask for a new one, and tell your operator if nobody of yours took it'
    throw new Failure('E_TOKEN_USED', `${used}: ${advice}`)
  }
  return free[Math.floor(Math.random() * free.length)] as number
}

/** One member: link, roots, contacts. Returns the introduction, or why there is none. */
async function meetAt(
  address: string,
  token: Token,
  attempt: Attempt,
  own: Membership,
  signal: AbortSignal,
): Promise<Introduction | Failure> {
  const peer = addressNode(address) as string
  // What goes wrong on our own disk is thrown in the midst of a handshake, which would hide it.
  let unkept: Failure | undefined
  const keep = () => {
    try {
      attempt.keep(own.claims.seat)
    } catch (error) {
      if (error instanceof Failure) unkept = error
      throw error
    }
  }
  const { keeper, meeting } = joiningGate(token.mesh, own, keep)
  const nothing = {
    connected: () => undefined,
    moved: () => undefined,
    disconnected: () => undefined,
    discovered: () => undefined,
    listening: () => undefined,
    networkChanged: () => undefined,
    observed: () => undefined,
    reachable: () => undefined,
    unreserved: () => undefined,
    visited: () => undefined,
  }
  const mesh = await startMesh({
    secret: attempt.secret,
    listen: [],
    announce: [],
    mesh8: token.mesh.slice(0, 16),
    keeper,
    events: nothing,
    mdns: false,
  })
  try {
    await mesh.links.dial(peer, [address.slice(0, address.lastIndexOf('/p2p/'))], { signal })
    return await introduce(mesh, peer, token, own, meeting, signal)
  } catch (error) {
    return unkept ?? explain(error, address, token, meeting)
  } finally {
    await mesh.stop()
  }
}

async function introduce(
  mesh: Mesh,
  peer: string,
  token: Token,
  own: Membership,
  meeting: Meeting,
  signal: AbortSignal,
): Promise<Introduction> {
  const ask = (body: Parameters<typeof encodeRequest>[0]) =>
    mesh.streams.ask(peer, body.protocol, encodeRequest(body), {
      signal,
      maxBytes: messageBytes[body.protocol].response,
    })
  const bytes = await ask({ protocol: 'sync', body: { type: 'roots', from: 1 } })
  const roots = checkRoots(token, (decodeResponse('sync', bytes).body as SyncResponse).roots)
  const root = roots.at(-1) as RootDocument
  const env = cryptoEnv(Math.random)
  const judged = { mesh: token.mesh, root, wall: undefined }
  const host = meeting.host && judgeMembership(meeting.host, { ...judged, remote: peer }, env)
  if (meeting.host === undefined || host !== undefined)
    throw foreign(`the member it names does not belong to its mesh (${host})`)
  const mine = judgeMembership(own, { ...judged, remote: own.claims.node }, env)
  if (mine !== undefined) throw foreign(`its invite is not signed by an enrol key of its mesh (${mine})`)
  const hello = decodeResponse('hello', await ask({ protocol: 'hello', body: firstHello(root, own) }))
  const contacts = hello.protocol === 'hello' ? hello.body.contacts : []
  return { membership: countersignedWell(meeting) ?? own, witness: meeting.host, roots, contacts }
}

/** A countersignature that does not hold would be refused by everybody for ever: then the next member that we meet countersigns. */
function countersignedWell({ countersigned, host }: Meeting): Membership | undefined {
  if (countersigned?.countersignature === undefined) return undefined
  const { countersignature } = countersigned
  const problem = judgeCountersignature(countersigned, countersignature, host, cryptoEnv(Math.random))
  return problem === undefined ? countersigned : undefined
}

function firstHello(root: RootDocument, own: Membership) {
  const { version } = root.signed
  return {
    rootVersion: version,
    rootHash: root.hash,
    zone: own.claims.zone,
    serves: false,
    addresses: [],
    contacts: [],
    yours: undefined,
    vector: EMPTY_VECTOR,
  }
}

function foreign(reason: string): Failure {
  return new Failure(
    'E_TOKEN_FOREIGN',
    `this invite cannot be used here: ${reason}; ask the operator of your mesh for a new one`,
  )
}

/** A member that could not be met, and why. */
interface Unmet {
  address: string
  reason: string
}

/** Nobody said anything that would explain it: what was tried, and how each failed. */
function noMember(unmet: readonly Unmet[]): Failure {
  const advice =
    'check that one of them runs and that its port can be reached from here, or ask for an invite with another address'
  const tried = unmet.map(({ address, reason }) => `${address.slice(0, address.lastIndexOf('/p2p/'))} (${reason})`)
  const members = new Set(unmet.map(({ address }) => addressNode(address))).size
  const who = members === 1 ? 'the member' : `none of the ${members} members`
  const could = members === 1 ? 'could not be met' : 'could be met'
  return new Failure('E_NO_MEMBER', `${who} that this invite names ${could}, tried ${tried.join(', ')}: ${advice}`)
}

/** What the mesh says of a dial begins with whom and where, which the sentence says already. */
function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error)
  return text.replace(/^\w+ cannot be reached at [^ ]+: /, '')
}

/** Turns what went wrong with one member into a sentence. */
function explain(error: unknown, address: string, token: Token, meeting: Meeting): MeetFailure {
  const { refusal } = meeting
  if (meeting.mesh !== undefined && meeting.mesh !== token.mesh)
    return foreign(`the node at ${address} belongs to another mesh (${meeting.mesh.slice(0, 16)})`)
  if (refusal?.code === 'foreignMesh') return foreign(`the node at ${address} belongs to another mesh`)
  if (refusal?.code === 'seatTaken') {
    const failure = new Failure(
      'E_TOKEN_USED',
      `this invite has been used already: its ${token.invite.signed.seats === 1 ? 'only seat is' : 'seats are'} taken; ask for a new one`,
    )
    return Object.assign(failure, { takenSeats: refusal.takenSeats })
  }
  if (refusal?.code === 'inviteExpired' || refusal?.code === 'expired') {
    return new Failure(
      'E_TOKEN_EXPIRED',
      `the member at ${address} says that this invite has expired: ask for a new one`,
    )
  }
  if (refusal?.code === 'unknownEnroller' || refusal?.code === 'badSignature' || refusal?.code === 'outsideGrant') {
    return foreign(`the member at ${address} refused it, ${refusalText(refusal.code)}`)
  }
  if (refusal !== undefined)
    return new Failure(
      'E_REFUSED',
      refusal.code === undefined
        ? `the member at ${address} refused this node for a reason that this version does not know: update pimesh`
        : `the member at ${address} refused this node: ${refusalText(refusal.code)}`,
    )
  const own: readonly FailureCode[] = ['E_ROOT_OLD', 'E_ROOT_INVALID', 'E_TOKEN_FOREIGN']
  if (error instanceof Failure && own.includes(error.code)) return error
  return Object.assign(new Failure('E_NO_MEMBER', reasonOf(error)), { unsettled: meeting.shown })
}
