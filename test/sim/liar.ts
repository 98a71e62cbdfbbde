// A member that lies about publishers: it tells of forged announcements and of old ones as if they were new, by gossip and in its
// hellos, and serves others than it was asked for. Its core is honest; what it sends is spoilt on the way out.
import type { AnyRequest, AnyResponse } from '../../src/core/events.ts'
import type { Hello, SyncRequest, SyncResponse } from '../../src/core/protocols.ts'
import type { AnnouncementDocument, Head, VersionVector } from '../../src/core/trust/announcement.ts'
import type { Prng } from './prng.ts'
import type { Publisher } from './publisher.ts'

/** Share of its hellos and answers that it spoils. */
const SPOILT = 0.5

export class Liar {
  readonly #publisher: Publisher
  readonly #prng: Prng

  constructor(publisher: Publisher, prng: Prng) {
    this.#publisher = publisher
    this.#prng = prng
  }

  /** The head of something that is not the newest, or that nobody may accept; undefined while nothing was signed. */
  head(): Head | undefined {
    const document = this.#lie()
    if (document === undefined) return undefined
    const { role, epoch, version } = document.signed
    return { role, epoch, version, hash: document.hash }
  }

  request(request: AnyRequest): AnyRequest {
    return request.protocol === 'hello' ? { ...request, body: this.#hello(request.body) } : request
  }

  /** `request`: what the answer is to. */
  response(request: AnyRequest, response: AnyResponse): AnyResponse {
    if (response.protocol === 'hello') return { ...response, body: this.#hello(response.body) }
    if (response.protocol !== 'sync' || request.protocol !== 'sync') return response
    return { ...response, body: this.#sync(request.body, response.body) }
  }

  #hello(hello: Hello): Hello {
    const head = this.head()
    if (head === undefined || !this.#prng.chance(SPOILT)) return hello
    const others = hello.vector.heads.filter(({ role }) => role !== head.role)
    const heads = [...others, { ...head, rival: undefined }].sort((a, b) => (a.role < b.role ? -1 : 1))
    return { ...hello, vector: { ...hello.vector, ...this.#targets(), heads } }
  }

  #targets(): Partial<VersionVector> {
    const forged = this.#publisher.forgedTargets
    if (forged === undefined || !this.#prng.chance(SPOILT)) return {}
    return { targetsVersion: forged.signed.version, targetsHash: forged.hash }
  }

  #sync(request: SyncRequest, response: SyncResponse): SyncResponse {
    if (request.type === 'targets') return { ...response, targets: this.#publisher.forgedTargets }
    if (request.type !== 'announcements') return response
    const asked = this.#all().filter(({ hash }) => request.hashes.includes(hash))
    const other = this.#prng.chance(SPOILT) ? this.#lie() : undefined
    return { ...response, announcements: other === undefined ? asked : [other] }
  }

  #lie(): AnnouncementDocument | undefined {
    return this.#prng.pick(this.#all())
  }

  #all(): AnnouncementDocument[] {
    const { announcements, forgeries, stolen } = this.#publisher
    return [...announcements, ...forgeries, ...stolen]
  }
}
