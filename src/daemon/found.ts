// What the disks hold that the state does not say, and the other way round, at the start of a daemon: the state and the files
// beside it are written apart, and either may have been lost, moved or changed while nobody looked.

import { Failure } from '../core/failure.ts'
import type { SavedArtifacts } from '../core/machines.ts'
import type { InstallEntry } from '../core/rollout/states.ts'
import { emptyBits } from '../core/swarm/bitfield.ts'
import { pieceCount } from '../core/swarm/pieces.ts'
import type { Artifacts } from '../ports/artifacts.ts'
import { ArtifactFailure } from '../ports/disk-failure.ts'
import type { Installer } from '../ports/installer.ts'
import type { Store } from '../ports/store.ts'
import { changesToWrites, type SavedState } from '../wire/state.ts'

/** All encodings that the state names: files of others are left over from what nobody knows any more. */
export function knownEncodings({ artifacts, publishers, installs }: SavedState): ReadonlySet<string> {
  const underway = installs.flatMap((entry) => entry.underway?.encoding.hash ?? [])
  const announced = announcedEncodings(publishers).map(({ hash }) => hash)
  return new Set([...artifacts.holdings.map(({ encoding }) => encoding), ...announced, ...underway])
}

/**
 * Removes the files of encodings that the state does not name.
 * @returns the names of the others
 * @throws Failure E_DATA_WRITE when the folder is none, or cannot be read or written.
 */
export async function sweptArtifacts(artifacts: Pick<Artifacts, 'sweep'>, saved: SavedState): Promise<string[]> {
  try {
    return await artifacts.sweep(knownEncodings(saved))
  } catch (error) {
    if (error instanceof ArtifactFailure) throw new Failure('E_DATA_WRITE', error.message, { cause: error })
    throw error
  }
}

/**
 * What the state says of artifacts, and what it should say: power may have gone between the announcement of what was handed in
 * here and the note that its file is here. Whoever wants such an encoding looks at the file anyway; but an operator's peer wants
 * nothing, and would never serve it. Reads files to which this happened, and no others.
 * @param names of the files that there are
 */
export async function foundArtifacts(
  { artifacts: saved, publishers }: Pick<SavedState, 'artifacts' | 'publishers'>,
  names: readonly string[],
  { artifacts, store }: { artifacts: Pick<Artifacts, 'pieceList'>; store: Pick<Store, 'write'> },
): Promise<SavedArtifacts> {
  const holdings = [...saved.holdings]
  const pieceLists = [...saved.pieceLists]
  for (const encoding of announcedEncodings(publishers)) {
    const isSaved = pieceLists.some(({ hash }) => hash === encoding.pieceList)
    if (isSaved || !names.includes(encoding.hash)) continue
    // A disk that cannot be read says so to whoever wants the encoding.
    const list = await artifacts.pieceList(encoding).catch(() => undefined)
    if (list === undefined) continue
    const found = { hash: encoding.pieceList, list }
    pieceLists.push(found)
    // Only so that the next start need not read the file again.
    await store.write(changesToWrites([{ type: 'pieceList', ...found }]), { sync: false }).catch(() => undefined)
    const isHeld = holdings.some((holding) => holding.encoding === encoding.hash)
    const bits = emptyBits(pieceCount(encoding.length, encoding.pieceLength))
    if (!isHeld) holdings.push({ encoding: encoding.hash, bits })
  }
  return { ...saved, holdings, pieceLists }
}

/**
 * The journals without what they call installed and is not in use (any more): the rollout installs it again, and nothing older,
 * since the floors of the paths stay. A release between its point of no return and its commit is left to its journal, and so is
 * what the disk does not tell.
 */
export async function foundInstalls(
  installs: readonly InstallEntry[],
  installer: Pick<Installer, 'current'>,
): Promise<{ installs: InstallEntry[]; notes: string[] }> {
  const found: InstallEntry[] = []
  const notes: string[] = []
  for (const entry of installs) {
    const { path, installed } = entry
    const inUse =
      installed && isSettled(entry) ? await installer.current(path).catch(() => installed.release) : undefined
    if (installed === undefined || !isSettled(entry) || inUse === installed.release) {
      found.push(entry)
      continue
    }
    found.push({ ...entry, installed: undefined })
    const instead = inUse === undefined ? 'nothing' : 'something else'
    notes.push(`${path} ${installed.version} was installed, and ${instead} is in use there: it is installed again`)
  }
  return { installs: found, notes }
}

function isSettled({ underway }: InstallEntry): boolean {
  return underway === undefined || underway.state === 'fetching' || underway.state === 'verified'
}

function announcedEncodings({ announcements }: SavedState['publishers']) {
  return announcements.flatMap(({ announcement }) => announcement.signed.releases.flatMap(({ encodings }) => encodings))
}
