// Submissions: what publishers on this machine hand in over the local API. The bytes of an encoding come first and wait here;
// they belong to nobody until the announcement that names them is in force, and go when it is refused or never comes.

import { Failure } from '../core/failure.ts'
import { limits } from '../core/limits.ts'
import type { AnnouncementDocument, Encoding } from '../core/trust/announcement.ts'
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

interface Waiting {
  encoding: Encoding
  pieceList: Uint8Array
  expires: NodeJS.Timeout
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
    if (this.#waiting.size >= limits.importsWaiting)
      throw new Failure('E_ARTIFACT', 'too many artifacts wait for their announcement: try again in some minutes')
    const pieceList = await this.#p.artifacts.import(encoding, bytes, { signal }).catch((cause) => {
      throw importFailure(cause)
    })
    clearTimeout(this.#waiting.get(encoding.hash)?.expires)
    const expires = setTimeout(() => void this.#drop(encoding.hash), limits.importWait).unref()
    this.#waiting.set(encoding.hash, { encoding, pieceList, expires })
  }

  /** @throws Failure E_NO_MEMBER, E_DOCUMENT (it does not parse), E_ANNOUNCEMENT (refused) */
  async submit(body: SubmitJson): Promise<SubmittedJson> {
    this.#needMembers()
    const announcement = parseAnnouncement(Buffer.from(body.announcement))
    const targets = body.targets === null ? undefined : parseTargets(Buffer.from(body.targets))
    const imported = this.#importedFor(announcement)
    const refused = await this.#p.driver.submit(announcement, targets, imported)
    if (refused !== undefined) {
      for (const { encoding } of imported) await this.#drop(encoding.hash)
      const { role, version } = announcement.signed
      throw new Failure(
        'E_ANNOUNCEMENT',
        `the peer refused version ${version} of role "${role}": ${refusalText(refused)}; nothing was announced`,
      )
    }
    for (const { encoding } of imported) this.#release(encoding.hash)
    const { role, epoch, version } = announcement.signed
    const { hash } = announcement
    return { schema: 'pimesh.submitted/1', role, epoch, version, hash, linked: this.#p.linked() }
  }

  /** Removes what nobody announced. */
  async close(): Promise<void> {
    for (const hash of [...this.#waiting.keys()]) await this.#drop(hash)
  }

  #importedFor(announcement: AnnouncementDocument): { encoding: Encoding; pieceList: Uint8Array }[] {
    const named = announcement.signed.releases.flatMap(({ encodings }) => encodings)
    return named.flatMap((encoding) => {
      const waiting = this.#waiting.get(encoding.hash)
      return waiting === undefined || waiting.encoding.pieceList !== encoding.pieceList ? [] : [waiting]
    })
  }

  #needMembers(): void {
    if (this.#p.linked() > 0) return
    const advice = 'check its network and "pimesh status", then publish again'
    throw new Failure('E_NO_MEMBER', `the peer on this machine is linked to no member of the mesh: ${advice}`)
  }

  #release(hash: string): void {
    clearTimeout(this.#waiting.get(hash)?.expires)
    this.#waiting.delete(hash)
  }

  async #drop(hash: string): Promise<void> {
    if (!this.#waiting.has(hash)) return
    this.#release(hash)
    if (!this.#p.known(hash)) await this.#p.artifacts.forget(hash).catch(() => undefined)
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
