// Patches for tests of installers, made by hand: segments of equal length, each of one step from the same place of the base.
import { createHash } from 'node:crypto'
import { zstdCompressSync } from 'node:zlib'
import type { InstallJob } from '../../src/core/rollout/states.ts'
import { InstructionWriter } from '../../src/wire/instructions.ts'
import { encodeSegmentHeader, PATCH_MAGIC } from '../../src/wire/patch.ts'
import { jobFor } from '../contracts/installer.ts'

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

/**
 * A job that makes `artifact` of `base`, which is as long; `says` is the base that the job names when that is another, `segment` how
 * many bytes each segment makes.
 */
export function patchJob(
  artifact: Uint8Array,
  counter: number,
  { base, says = base, segment = artifact.length }: { base: Uint8Array; says?: Uint8Array; segment?: number },
): { job: InstallJob; encoding: Uint8Array } {
  const segments: Uint8Array[] = []
  for (let at = 0; at < artifact.length; at += segment) {
    const made = artifact.subarray(at, at + segment)
    const steps = [{ from: 0, copied: made.length, fresh: 0 }]
    const instructions = new InstructionWriter(made.length).write(steps, base.subarray(at), made)
    const frame = zstdCompressSync(instructions)
    const header = { made: made.length, at, reach: made.length, plain: instructions.length, packed: frame.length }
    segments.push(encodeSegmentHeader(header), frame)
  }
  const encoding = Buffer.concat([PATCH_MAGIC, ...segments])
  const { job } = jobFor(artifact, counter)
  const hash = sha256(encoding)
  return { job: { ...job, encoding: { type: 'zstd-patch', hash, sha256: hash, base: sha256(says) } }, encoding }
}
