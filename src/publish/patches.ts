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

/** A patch, and what its base is called. */
export interface NamedPatch extends Patch {
  from: string
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

/** @throws Failure as makePatch and baseFile; E_ARTIFACT: a base is named twice, or has the bytes of the artifact. */
export async function makePatches(bases: readonly PatchBase[], work: Work): Promise<Patches> {
  const patches: NamedPatch[] = []
  const notes: string[] = []
  for (const base of bases) {
    const patch = await patchFrom(base, work)
    const twin = patches.find(({ encoding }) => encoding.base === patch.encoding.base)
    if (twin !== undefined)
      throw new Failure('E_ARTIFACT', `${twin.from} and ${base.name} are the same bytes: leave one out of --patch-from`)
    const share = patch.encoding.length / work.encoded.encoding.length
    if (share < limits.patchShare) patches.push({ ...patch, from: base.name })
    else notes.push(leftOut(base.name, share))
  }
  return { patches, notes }
}

async function patchFrom(base: PatchBase, { file, encoded, into, progress, signal }: Work): Promise<Patch> {
  const { artifact } = encoded
  const unpacked = join(into, '.base')
  try {
    const from = await baseFile(base, unpacked, signal)
    const patch = await makePatch({ file, artifact, base: from, name: base.name, into, progress, signal })
    if (base.packed !== undefined && patch.encoding.base !== base.packed.artifact.hash) throw damagedBase(base.name)
    return patch
  } finally {
    await rm(unpacked, { force: true })
  }
}

function leftOut(name: string, share: number): string {
  return `a patch from ${name} would have ${Math.round(100 * share)} % of the bytes of the whole: it is left out`
}

/** About bases that no node may have: only what was announced can be installed. */
export function unknownBases(
  patches: readonly NamedPatch[],
  path: string,
  previous: AnnouncementDocument | undefined,
): string[] {
  const announced = new Set(previous?.signed.releases.map(({ artifact }) => artifact.hash))
  return patches
    .filter(({ encoding }) => encoding.base !== undefined && !announced.has(encoding.base))
    .map(
      ({ from }) => `${from} is not what is announced as ${path} now: only nodes that have it installed use its patch`,
    )
}
