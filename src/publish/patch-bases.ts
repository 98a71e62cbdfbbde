// The bases of patches: what a publisher names to make a patch from, as a file. A version that is announced need not be at hand as a
// file: the peer on this machine still holds the encoding that it gave to the fleet.
import { existsSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { writeBytes } from '../artifact/written.ts'
import { Failure } from '../core/failure.ts'
import { limits } from '../core/limits.ts'
import { type AnnouncementDocument, type Encoding, type Release, wholeOf } from '../core/trust/announcement.ts'
import { errorCode } from '../ports/disk-failure.ts'
import { blocks } from '../ports/files.ts'
import { decoded } from '../wire/encodings.ts'

export interface PatchBase {
  /** As a person calls it. */
  name: string
  /** A file with its bytes, or with an encoding of them. */
  file: string
  /** Of an encoding: what it should hold. */
  packed?: { encoding: Encoding; artifact: Release['artifact'] }
  /** How many nodes have it in use, when that is why it was chosen: nobody named it, so that nothing fails because of it. */
  nodes?: number
}

/**
 * What was named with --patch-from: each a file, or a version of the path that is announced.
 * @param places.artifacts where the peer on this machine keeps encodings
 * @throws Failure E_ARTIFACT: it is neither, or the peer does not have it; E_USAGE: too many
 */
export function basesOf(
  names: readonly string[],
  places: { path: string; previous: AnnouncementDocument | undefined; artifacts: string },
): PatchBase[] {
  if (names.length > limits.patchBases)
    throw new Failure('E_USAGE', `a release has patches from at most ${limits.patchBases} others: leave some out`)
  return names.map((name) => (existsSync(resolve(name)) ? { name, file: resolve(name) } : versionBase(name, places)))
}

function versionBase(
  name: string,
  { path, previous, artifacts }: { path: string; previous: AnnouncementDocument | undefined; artifacts: string },
): PatchBase {
  const version = name.startsWith(`${path}@`) ? name.slice(path.length + 1) : name
  const announced = previous?.signed.releases.find((release) => release.path === path)
  if (announced === undefined || announced.version !== version) {
    const known = announced === undefined ? 'nothing of it is' : `only ${announced.version} is`
    throw new Failure(
      'E_ARTIFACT',
      `there is no file ${name}, and no such version of ${path} is announced (${known}): give --patch-from the file that nodes have`,
    )
  }
  const held = heldBase(announced, artifacts)
  if (held === undefined)
    throw new Failure(
      'E_ARTIFACT',
      `the peer on this machine does not hold ${path}@${version}: give --patch-from the file instead`,
    )
  return held
}

/** A release that is announced, when the peer on this machine has a file of it in the folder `artifacts`. */
export function heldBase({ path, version, artifact, encodings }: Release, artifacts: string): PatchBase | undefined {
  const encoding = wholeOf(encodings)
  const file = encoding && join(artifacts, encoding.hash)
  if (encoding === undefined || file === undefined || !existsSync(file)) return undefined
  return { name: `${path}@${version}`, file, packed: { encoding, artifact } }
}

/**
 * The file with the bytes of a base, unpacked to `into` when it is an encoding.
 * @throws Failure E_ARTIFACT (it is not what was announced), E_DISK_FULL, E_DATA_WRITE; the signal's reason
 */
export async function baseFile({ name, file, packed }: PatchBase, into: string, signal: AbortSignal): Promise<string> {
  if (packed === undefined || packed.encoding.type === 'identity') return file
  const source = await open(file, 'r').catch((error) => Promise.reject(damagedBase(name, error)))
  try {
    await writeBytes(into, decoded(packed.encoding.type, blocks(source, signal), packed.artifact.length))
    return into
  } catch (error) {
    const isDamaged = error instanceof Failure && error.code === 'E_DOCUMENT'
    throw isDamaged || errorCode(error) === 'EIO' ? damagedBase(name, error) : error
  } finally {
    await source.close()
  }
}

/** The peer does not have all of it, or its disk has changed it. */
export function damagedBase(name: string, cause?: unknown): Failure {
  const advice = 'give --patch-from the file instead'
  return new Failure(
    'E_ARTIFACT',
    `what the peer on this machine holds of ${name} is not what was announced: ${advice}`,
    {
      cause,
    },
  )
}
