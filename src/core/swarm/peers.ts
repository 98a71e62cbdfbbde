// One peer of the swarm, as this node sees it: what it holds, how fast it answers, how far it may be trusted with requests.
// Trust is earned piece by piece: who has given nothing is asked for one, who let requests lapse rests longer each time. So
// whoever claims all and sends nothing (T18), drips (T11) or poisons (T17) costs little, however many of them there are.
import type { Millis, NodeId } from '../env.ts'
import { limits } from '../limits.ts'
import { emptyBits, hasBit, setBit } from './bitfield.ts'
import { Budget } from './budget.ts'
import { Claims, Spent } from './claims.ts'
import { pieceScale } from './pieces.ts'

/** A piece that was asked of a peer. */
export interface Request {
  encoding: string
  index: number
  /** Bytes of the piece. */
  bytes: number
  asked: Millis
  /** Asked of somebody who has not proven itself lately: such requests may fill only half of the budget. */
  trial: boolean
  /** When to stop waiting for it; once `late`, when to forget that it may still come. */
  due: Millis
  /** Lapsed or cancelled: what still comes is welcome, but nobody waits for it. */
  late: boolean
  /** It counts in the budgets of this node. */
  counted: boolean
}

/** What a peer told of one encoding. */
export interface Share {
  /** What it holds; empty for a banned peer, whose word counts for nothing. */
  bits: Uint8Array
  /** Bits that are set. */
  count: number
  /** It wants to hear what we gain. */
  wants: boolean
  /** It said that it wants, and was told what we have. */
  answered: boolean
  /** Bitfields that it may send. */
  readonly bitfields: Budget
  /** Requests in a row that it refused; none is sent before `restUntil`. Of other encodings it may have everything. */
  refusals: number
  restUntil: Millis
  /** Pieces that it refused or let lapse: not asked for again before `avoidUntil`. */
  avoid: Uint8Array | undefined
  avoidUntil: Millis
  /** Nothing to ask of it was found, and nothing changed since. */
  exhausted: boolean
  /** What it said it is fetching from outside. */
  readonly claims: Claims
  /** Pieces that it said it gives to others. */
  given: Uint8Array | undefined
}

/** What a peer was told of one encoding. */
export interface Told {
  /** That we want the rest. */
  wants: boolean
  /** That we have pieces. */
  some: boolean
  /** It knows of all that we have. */
  fresh: boolean
}

/** How much a new measurement weighs against the earlier ones. */
const WEIGHT = 0.25

export class Peer {
  readonly node: NodeId
  /** It is on one LAN with this node. */
  near = false
  /** The member that forwards all that goes to and fro, on its own wire, twice; undefined on a path without one. */
  relay: NodeId | undefined
  stream: 'none' | 'opening' | 'open' = 'none'
  /** When the stream came into that state. */
  since: Millis
  /** When anything last came over the stream. */
  heard: Millis
  /** By encoding; empty while the stream is not open. */
  readonly shares = new Map<string, Share>()
  /** Encodings of which it has our bitfield. */
  readonly told = new Map<string, Told>()
  /** Encodings that it wants and that we don't know yet: it may have heard of a release before us. */
  readonly unknown = new Set<string>()
  /** Messages that it may send although they change nothing. */
  readonly idle = new Budget(limits.pieceIdleMessages)
  /** What it was asked for, the late ones included. */
  readonly requests: Request[] = []
  /** The longest message that may come from it, in bytes, as the driver was told. */
  expected: number = limits.pieceControlBytes
  /** Nothing is asked of it before. */
  restUntil: Millis = Number.NEGATIVE_INFINITY
  /** Its stream is not opened again before. */
  reopenAt: Millis = Number.NEGATIVE_INFINITY
  /** Its last stream was closed because of what it sent. */
  offended = false
  /** Streams in a row that were of no use. */
  #failures = 0
  /** When its link moved to another path, which ends its stream: no sign that streams are of no use. */
  #moved: Millis = Number.NEGATIVE_INFINITY
  /** Time it takes from a request to the shortest piece, smoothed; undefined until it gave one. */
  #typical: Millis | undefined
  /** Requests in a row that lapsed. */
  #lapses = 0
  /** Time it takes from a claim to the shortest piece, smoothed; undefined until it had one that it claimed. */
  #claimTypical: Millis | undefined
  /** Claims that it missed since the last one that it did not. */
  #claimsMissed = 0
  /** For so long since it last gave a piece it had pieces to give that did not come then; and until when that is counted. */
  #unpaid: Millis = 0
  #unpaidUntil: Millis = Number.NEGATIVE_INFINITY
  /** What it claimed on streams that are gone, by encoding, the last ones. */
  readonly #spent = new Map<string, Spent>()
  /** When it last let a request lapse or missed a claim. */
  failedAt: Millis = Number.NEGATIVE_INFINITY
  /** When it last gave a piece. */
  gaveAt: Millis = Number.NEGATIVE_INFINITY

  constructor(node: NodeId, now: Millis) {
    this.node = node
    this.since = now
    this.heard = now
  }

  /** True when it gave what it was last asked for. */
  get proven(): boolean {
    return this.#typical !== undefined && this.#lapses === 0
  }

  /** It let nothing lapse that it was last asked for. */
  get gives(): boolean {
    return this.#lapses === 0
  }

  /** The same, and it has what it claims. */
  get keepsClaims(): boolean {
    return this.gives && this.#claimsMissed < limits.requestLapses
  }

  /** What it did not give or keep would be forgotten if it were met anew. */
  get owes(): boolean {
    return this.#unpaid > 0 || this.#lapses > 0 || this.#claimsMissed > 0 || this.#spent.size > 0
  }

  /** How many of its claims count, or of those of others that it passes on. */
  claims(passed: boolean): number {
    const own = this.#claimTypical === undefined ? limits.claimsAtFirst : limits.claimsAtOnce
    return passed ? limits.passedPerClaim * own : own
  }

  /** Time from a request to a piece of so many bytes; 0 until it gave one. */
  typical(bytes: number): Millis {
    return (this.#typical ?? 0) * pieceScale(bytes)
  }

  /**
   * How many requests it may be sent now. Who is not trusted, or slow, gets one at a time, and what may still come late counts:
   * else the queue at a slow peer would only grow.
   * @param suspect it gave a bad piece before
   */
  room(now: Millis, suspect: boolean): number {
    if (this.stream !== 'open' || now < this.restUntil) return 0
    const slow = (this.#typical ?? Number.POSITIVE_INFINITY) > limits.requestPatienceMax / 2
    if (suspect || slow || this.#lapses >= limits.requestLapses) return 1 - this.requests.length
    const late = this.requests.reduce((sum, request) => sum + (request.late ? 1 : 0), 0)
    return late >= limits.requestsPerPeer ? 0 : limits.requestsPerPeer + late - this.requests.length
  }

  /** How long to wait for a piece of so many bytes that is asked for now. */
  patience(bytes: number): Millis {
    const scale = pieceScale(bytes)
    const first = this.#typical === undefined ? limits.requestPatienceMin * scale : 0
    const measured = limits.requestPatienceFactor * this.typical(bytes)
    return Math.min(limits.requestPatienceMax * scale, Math.max(limits.requestPatienceMin, first, measured))
  }

  /** Pieces that are waited for. */
  get awaitedCount(): number {
    return this.requests.reduce((sum, { late }) => sum + (late ? 0 : 1), 0)
  }

  /**
   * How many requests it may be sent when its wire is shared with others: what waits there for long could come from elsewhere.
   * @param bytes of a piece
   */
  depth(bytes: number): number {
    const typical = this.#typical === undefined ? limits.sharedQueue : this.typical(bytes)
    return Math.max(1, Math.min(limits.requestsPerPeer, Math.floor(limits.sharedQueue / typical))) - this.awaitedCount
  }

  /**
   * How long the shortest piece takes it by what it shows now: what it was asked for longest ago counts too, and what it was asked for
   * in vain before that, on whatever stream.
   */
  slowness(now: Millis): Millis {
    let slowness = Math.max(this.#unpaid, this.#typical ?? 0)
    for (const { late, asked, bytes } of this.requests)
      if (!late) slowness = Math.max(slowness, this.#unpaidAt(asked, bytes, now))
    return slowness
  }

  /** When it is slower than that, if it does not give by then what it was asked for. */
  slowAt({ asked, bytes }: Request, slowness: Millis): Millis {
    return Math.max(asked, this.#unpaidUntil) + Math.max(0, slowness - this.#unpaid) * pieceScale(bytes) + 1
  }

  /** It is not waited for any more with this request, which it may have answered. */
  unawaited({ asked, bytes }: Request, now: Millis): void {
    this.#unpaid = this.#unpaidAt(asked, bytes, now)
    this.#unpaidUntil = now
  }

  /** How long to wait for a piece of so many bytes that it claims now. */
  claimPatience(bytes: number): Millis {
    const scale = pieceScale(bytes)
    if (this.#claimTypical === undefined) return limits.requestPatienceMin * scale
    const measured = limits.requestPatienceFactor * this.#claimTypical
    return scale * Math.min(limits.requestPatienceMax, Math.max(limits.claimPatience, measured))
  }

  /** It has what it claimed so long ago. */
  claimKept(bytes: number, took: Millis): void {
    took /= pieceScale(bytes)
    // Some come from far slower members than others: what counts is the longest, while it is not long ago.
    const typical = this.#claimTypical ?? 0
    this.#claimTypical = took > typical ? took : typical + WEIGHT * (took - typical)
    this.#claimsMissed = 0
  }

  claimsMissed(count: number, now: Millis): void {
    if (count === 0) return
    this.#claimsMissed += count
    this.failedAt = now
  }

  /** What it was asked for; of two requests for one piece, the late one. */
  find(encoding: string, index: number): Request | undefined {
    return this.requests.find((request) => request.index === index && request.encoding === encoding)
  }

  /** The same, if it is waited for. */
  awaited(encoding: string, index: number): Request | undefined {
    return this.requests.find((request) => !request.late && request.index === index && request.encoding === encoding)
  }

  remove(request: Request): void {
    const place = this.requests.indexOf(request)
    if (place >= 0) this.requests.splice(place, 1)
  }

  /** It gave a good piece that it was asked for so long ago. One that came late shows that it is slow, not that it lies. */
  gave({ encoding, bytes, late }: Request, took: Millis, now: Millis): void {
    this.gaveAt = now
    this.#unpaid = 0
    this.#unpaidUntil = now
    took /= pieceScale(bytes)
    this.#typical = this.#typical === undefined ? took : this.#typical + WEIGHT * (took - this.#typical)
    this.#lapses = late ? Math.min(this.#lapses, 1) : 0
    this.#failures = 0
    this.restUntil = Number.NEGATIVE_INFINITY
    const share = this.shares.get(encoding)
    if (share === undefined) return
    share.refusals = 0
    share.restUntil = Number.NEGATIVE_INFINITY
  }

  lapsed(request: Request, now: Millis): void {
    this.#lapses += 1
    this.failedAt = now
    const rests = this.#lapses - limits.requestLapses
    if (rests >= 0) this.restUntil = now + pause(limits.requestPatienceMin, rests)
    this.#avoid(request, now + limits.requestPatienceMax)
  }

  refused(request: Request, now: Millis): void {
    const share = this.shares.get(request.encoding)
    if (share === undefined) return
    share.refusals += 1
    share.restUntil = now + pause(limits.pieceRestMin, share.refusals - 1)
    this.#avoid(request, now + limits.requestPatienceMin)
  }

  /** This machine slept so long: its peer is not to blame for that time. */
  forgive(gap: Millis): void {
    this.heard += gap
    if (this.stream === 'opening') this.since += gap
    for (const request of this.requests) {
      request.asked += gap
      request.due += gap
    }
  }

  /** A stream was asked for. */
  opening(now: Millis): void {
    this.#reset('opening', now)
  }

  /** The stream came to be, by whoever opened it. */
  opened(now: Millis): void {
    this.#reset('open', now)
    this.offended = false
    this.heard = now
  }

  /**
   * The stream is gone, or none could be opened: another is opened after a pause, the longer the more of them were of no use.
   * @param random uniformly in [0, 1); spreads those who lost a stream to the same peer
   */
  closed(now: Millis, random: number): void {
    const lasted = this.stream === 'open' && now - this.since >= limits.linkProven
    const carried = this.since <= this.#moved && now - this.#moved < limits.dialForgotten
    if (!carried) this.#failures = lasted ? 1 : this.#failures + 1
    this.reopenAt = carried ? now : now + pause(limits.pieceRestMin, this.#failures - 1) * (0.5 + random)
    this.#reset('none', now)
  }

  /** It has a link again, or another one: a stream costs it nothing that this link did not cost it. */
  returned(): void {
    this.offended = false
    this.#failures = 0
    this.reopenAt = Number.NEGATIVE_INFINITY
  }

  /** What it claimed of an encoding on streams that are gone. */
  spent(encoding: string): Spent | undefined {
    return this.#spent.get(encoding)
  }

  /** Its link goes on over another path: the stream ends now, or did just before, and another one may be opened at once. */
  moved(now: Millis): void {
    this.#moved = now
    if (this.stream === 'none' && !this.offended && now - this.since < limits.pieceRestMin) this.reopenAt = now
  }

  #reset(stream: Peer['stream'], now: Millis): void {
    this.stream = stream
    this.since = now
    this.expected = limits.pieceControlBytes
    for (const [encoding, share] of this.shares) this.#spend(encoding, share)
    this.shares.clear()
    this.told.clear()
    this.unknown.clear()
    this.requests.length = 0
  }

  #spend(encoding: string, { claims, bits }: Share): void {
    if (claims.isEmpty) return
    const spent = this.#spent.get(encoding) ?? new Spent(bits.length * 8)
    claims.spend(spent)
    this.#spent.delete(encoding)
    this.#spent.set(encoding, spent)
    for (const oldest of this.#spent.keys()) if (this.#spent.size > limits.spentClaims) this.#spent.delete(oldest)
  }

  /** Of several requests that it has at the same time the time counts once. */
  #unpaidAt(asked: Millis, bytes: number, now: Millis): Millis {
    return this.#unpaid + Math.max(0, now - Math.max(asked, this.#unpaidUntil)) / pieceScale(bytes)
  }

  #avoid({ encoding, index }: Request, until: Millis): void {
    const share = this.shares.get(encoding)
    if (share === undefined || index >= share.bits.length * 8) return
    share.avoid ??= emptyBits(share.bits.length * 8)
    share.avoidUntil = Math.max(share.avoidUntil, until)
    setBit(share.avoid, index)
  }
}

/** Of a peer that told nothing yet. @param spent what it claimed on earlier streams */
export function newShare(pieces: number, spent?: Spent): Share {
  return {
    bits: emptyBits(pieces),
    count: 0,
    wants: false,
    answered: false,
    bitfields: new Budget(limits.bitfieldsPerMinute),
    refusals: 0,
    restUntil: Number.NEGATIVE_INFINITY,
    avoid: undefined,
    avoidUntil: 0,
    exhausted: false,
    claims: new Claims(spent),
    given: undefined,
  }
}

/** True when the peer may be asked for the piece as far as its word goes. */
export function offers(share: Share, index: number): boolean {
  return hasBit(share.bits, index) && (share.avoid === undefined || !hasBit(share.avoid, index))
}

/** Doubled each time, up to limits.pieceRestMax. */
function pause(first: Millis, times: number): Millis {
  return Math.min(limits.pieceRestMax, first * 2 ** Math.min(times, 16))
}
