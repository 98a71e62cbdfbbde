// The patches of a release: made beside its whole encoding, and kept when they are worth their place in the announcement.
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Encoded } from '../artifact/encode.ts'
import { makePatch, type Patch } from '../artifact/patch/make.ts'
import { Failure } from '../core/failure.ts'
import { limits } from '../core/limits.ts'
import type { AnnouncementDocument } from '../core/trust/announcement.ts'
import type { Progress } from './artifact.ts'
import { baseFile, damagedBase, type PatchBase } from './patch-bases.ts'

/** A patch, what its base is called, and how many nodes have that when the fleet was asked. */
export interface NamedPatch extends Patch {
  from: string
  nodes?: number
}

export interface Patches {
  patches: readonly NamedPatch[]
  /** What a person should know of those that are not among them: one sentence each. */
  notes: readonly string[]
}

interface Work {
  /** The artifact. */
  file: string
  encoded: Encoded
  /** A folder that is there. */
  into: string
  progress?: Progress | undefined
  signal: AbortSignal
}

/**
 * A base that nobody named is left out when there is anything wrong with it.
 * @throws Failure as makePatch and baseFile; E_ARTIFACT: a base is named twice, or has the bytes of the artifact.
 */
export async function makePatches(bases: readonly PatchBase[], work: Work): Promise<Patches> {
  const patches: NamedPatch[] = []
  const notes: string[] = []
  for (const base of bases.filter((one) => isWorth(one, work.encoded))) {
    const patch = await patchFrom(base, work).catch((error) => {
      if (base.nodes === undefined || !isOfBase(error)) throw error
      return `there is no patch from ${base.name}: ${error.message}`
    })
    if (typeof patch === 'string') {
      notes.push(patch)
      continue
    }
    const twin = patches.find(({ encoding }) => encoding.base === patch.encoding.base)
    if (twin !== undefined)
      throw new Failure('E_ARTIFACT', `${twin.from} and ${base.name} are the same bytes: leave one out of --patch-from`)
    const share = patch.encoding.length / work.encoded.encoding.length
    if (share < limits.patchShare) patches.push({ ...patch, from: base.name, ...(base.nodes && { nodes: base.nodes }) })
    else notes.push(leftOut(base.name, share))
  }
  return { patches, notes }
}

/**
 * What nobody asked for has to be worth its place: not for the same bytes, nor for what is a piece or less, nor from a base that is so
 * short that the patch would hold nearly all of the artifact.
 */
function isWorth({ nodes, packed }: PatchBase, { artifact, encoding }: Encoded): boolean {
  if (nodes === undefined) return true
  const short = packed !== undefined && packed.artifact.length <= (1 - limits.patchShare) * artifact.length
  return packed?.artifact.hash !== artifact.hash && encoding.length > limits.pieceBytesMin && !short
}

/** Without it, the whole can be published all the same. */
function isOfBase(error: unknown): error is Failure {
  return error instanceof Failure && ['E_ARTIFACT', 'E_DISK_FULL', 'E_DATA_WRITE'].includes(error.code)
}

/** A sentence when there is nothing to make it of. */
async function patchFrom(base: PatchBase, { file, encoded, into, progress, signal }: Work): Promise<Patch | string> {
  const { artifact } = encoded
  const unpacked = join(into, '.base')
  try {
    const from = await baseFile(base, unpacked, signal)
    const patch = await makePatch({ file, artifact, base: from, name: base.name, into, progress, signal })
    if (patch === undefined) return `there is no patch from ${base.name}: it has nothing in common with the artifact`
    if (base.packed !== undefined && patch.encoding.base !== base.packed.artifact.hash) throw damagedBase(base.name)
    return patch
  } finally {
    await rm(unpacked, { force: true })
  }
}

function leftOut(name: string, share: number): string {
  return `a patch from ${name} would have ${Math.round(100 * share)} % of the bytes of the whole: it is left out`
}

/** About bases that were named and that no node may have: only what was announced can be installed. */
export function unknownBases(
  patches: readonly NamedPatch[],
  path: string,
  previous: AnnouncementDocument | undefined,
): string[] {
  const announced = new Set(previous?.signed.releases.map(({ artifact }) => artifact.hash))
  return patches
    .filter(({ encoding, nodes }) => nodes === undefined && !announced.has(encoding.base ?? ''))
    .map(
      ({ from }) => `${from} is not what is announced as ${path} now: only nodes that have it installed use its patch`,
    )
}
