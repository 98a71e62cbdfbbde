// Submissions: what publishers on this machine hand in over the local API. The bytes of an encoding come first and wait here;
// they belong to nobody until the announcement that names them is in force, and go when it is refused or never comes.

import type { RefusalCode } from '../core/events.ts'
import { Failure } from '../core/failure.ts'
import { limits } from '../core/limits.ts'
import type { AnnouncementDocument, Encoding } from '../core/trust/announcement.ts'
import type { TargetsDocument } from '../core/trust/documents.ts'
import type { Artifacts } from '../ports/artifacts.ts'
import { ArtifactFailure } from '../ports/disk-failure.ts'
import { parseAnnouncement } from '../wire/announcement.ts'
import { parseTargets } from '../wire/targets.ts'
import { refusalText, type SubmitJson, type SubmittedJson } from './api-types.ts'
import type { Driver } from './driver.ts'

interface Parts {
  artifacts: Artifacts
  driver: Pick<Driver, 'submit'>
  /** Members that are linked now. */
  linked: () => number
  /** Encodings that are here as a whole: their bytes are not needed again. */
  has: (encoding: string) => boolean
  /** Encodings that core holds or fetches already: their files are not ours to remove. */
  known: (encoding: string) => boolean
}

/** Bytes that are here, or come, for an announcement. Publishers of the same bytes share them. */
interface Waiting {
  encoding: Encoding
  /** undefined: no byte of it is ours, because it still comes or belongs to what is in force. */
  pieceList: Uint8Array | undefined
  /** Publishers that brought it and whose announcement has not come yet. */
  claims: number
  /** Imports and submissions under way: it stays as long as there is one. */
  busy: number
  /** Runs only while nothing is under way. */
  expires: NodeJS.Timeout | undefined
}

export class Submissions {
  readonly #p: Parts
  readonly #waiting = new Map<string, Waiting>()

  constructor(parts: Parts) {
    this.#p = parts
  }

  /**
   * Takes the bytes of an encoding, for an announcement that follows within limits.importWait.
   * @throws Failure E_NO_MEMBER, E_ARTIFACT (the bytes are not this encoding), E_DISK_FULL, E_DATA_WRITE
   */
  async import(encoding: Encoding, bytes: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void> {
    this.#needMembers()
    if (this.#p.has(encoding.hash)) return await drain(bytes)
    const waiting = this.#placeFor(encoding)
    this.#begin(waiting)
    try {
      waiting.pieceList = await this.#p.artifacts.import(encoding, bytes, { signal })
      waiting.claims += 1
    } catch (cause) {
      throw importFailure(cause)
    } finally {
      await this.#end(waiting)
    }
  }

  /** @throws Failure E_NO_MEMBER, E_DOCUMENT (it does not parse), E_ANNOUNCEMENT (refused) */
  async submit(body: SubmitJson): Promise<SubmittedJson> {
    this.#needMembers()
    const announcement = parseAnnouncement(Buffer.from(body.announcement))
    const targets = body.targets === null ? undefined : parseTargets(Buffer.from(body.targets))
    const refused = await this.#handIn(announcement, targets)
    if (refused !== undefined) {
      const { role, version } = announcement.signed
      throw new Failure(
        'E_ANNOUNCEMENT',
        `the peer refused version ${version} of role "${role}": ${refusalText(refused)}; nothing was announced`,
      )
    }
    const { role, epoch, version } = announcement.signed
    const { hash } = announcement
    return { schema: 'pimesh.submitted/1', role, epoch, version, hash, linked: this.#p.linked() }
  }

  /** Removes what nobody announced. */
  async close(): Promise<void> {
    for (const waiting of [...this.#waiting.values()]) await this.#drop(waiting)
  }

  /** With what was brought for it, which is core's once it is in force. */
  async #handIn(
    announcement: AnnouncementDocument,
    targets: TargetsDocument | undefined,
  ): Promise<RefusalCode | undefined> {
    const named = this.#namedBy(announcement)
    const imported = named.flatMap(({ encoding, pieceList }) =>
      pieceList === undefined ? [] : [{ encoding, pieceList }],
    )
    for (const waiting of named) {
      this.#begin(waiting)
      waiting.claims -= 1
    }
    try {
      const refused = await this.#p.driver.submit(announcement, targets, imported)
      if (refused === undefined) for (const waiting of named) waiting.pieceList = undefined
      return refused
    } finally {
      for (const waiting of named) await this.#end(waiting)
    }
  }

  #namedBy(announcement: AnnouncementDocument): Waiting[] {
    const encodings = new Map(
      announcement.signed.releases.flatMap((release) => release.encodings.map((one) => [one.hash, one] as const)),
    )
    return [...encodings.values()].flatMap(({ hash, pieceList }) => {
      const waiting = this.#waiting.get(hash)
      const named = waiting !== undefined && waiting.claims > 0 && waiting.encoding.pieceList === pieceList
      return named ? [waiting] : []
    })
  }

  #needMembers(): void {
    if (this.#p.linked() > 0) return
    const advice = 'check its network and "pimesh status", then publish again'
    throw new Failure('E_NO_MEMBER', `the peer on this machine is linked to no member of the mesh: ${advice}`)
  }

  /** Taken before the first byte comes, so that no two get the last place. */
  #placeFor(encoding: Encoding): Waiting {
    const there = this.#waiting.get(encoding.hash)
    if (there !== undefined) return there
    if (this.#waiting.size >= limits.importsWaiting)
      throw new Failure('E_ARTIFACT', 'too many artifacts wait for their announcement: try again in some minutes')
    const waiting: Waiting = { encoding, pieceList: undefined, claims: 0, busy: 0, expires: undefined }
    this.#waiting.set(encoding.hash, waiting)
    return waiting
  }

  #begin(waiting: Waiting): void {
    clearTimeout(waiting.expires)
    waiting.busy += 1
  }

  /** What nobody claims any more goes; what somebody does waits for its announcement, from now on. */
  async #end(waiting: Waiting): Promise<void> {
    waiting.busy -= 1
    if (waiting.busy > 0 || this.#waiting.get(waiting.encoding.hash) !== waiting) return
    if (waiting.claims === 0) return await this.#drop(waiting)
    waiting.expires = setTimeout(() => void this.#drop(waiting), limits.importWait).unref()
  }

  async #drop({ encoding: { hash }, pieceList, expires }: Waiting): Promise<void> {
    clearTimeout(expires)
    this.#waiting.delete(hash)
    if (pieceList === undefined || this.#p.known(hash)) return
    await this.#p.artifacts.forget(hash).catch(() => undefined)
  }
}

/** The client goes on sending what is not needed any more: the same artifact was published before. */
async function drain(bytes: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const _ of bytes);
}

function importFailure(cause: unknown): unknown {
  if (!(cause instanceof ArtifactFailure)) return cause
  const { problem } = cause
  if (problem.code === 'diskFull') {
    const need = `${problem.missing} bytes more are needed`
    return new Failure('E_DISK_FULL', `the disk of the peer's data folder is full: ${need}; free some space`, { cause })
  }
  const code = problem.code === 'corrupt' ? 'E_ARTIFACT' : 'E_DATA_WRITE'
  return new Failure(code, `the peer cannot take the artifact: ${cause.message}`, { cause })
}
