// Patches for tests of installers, made by hand: one segment, all of whose steps are exact.
import { createHash } from 'node:crypto'
import { zstdCompressSync } from 'node:zlib'
import type { InstallJob } from '../../src/core/rollout/states.ts'
import { InstructionWriter } from '../../src/wire/instructions.ts'
import { encodeSegmentHeader, PATCH_MAGIC } from '../../src/wire/patch.ts'
import { jobFor } from '../contracts/installer.ts'

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

/** A job that makes `artifact` of `base`, which is as long; `says` is the base that the job names when that is another. */
export function patchJob(
  artifact: Uint8Array,
  counter: number,
  { base, says = base }: { base: Uint8Array; says?: Uint8Array },
): { job: InstallJob; encoding: Uint8Array } {
  const steps = [{ from: 0, copied: artifact.length, fresh: 0 }]
  const instructions = new InstructionWriter(artifact.length).write(steps, base, artifact)
  const frame = zstdCompressSync(instructions)
  const header = { made: artifact.length, at: 0, reach: base.length, plain: instructions.length }
  const encoding = Buffer.concat([PATCH_MAGIC, encodeSegmentHeader({ ...header, packed: frame.length }), frame])
  const { job } = jobFor(artifact, counter)
  const hash = sha256(encoding)
  return { job: { ...job, encoding: { type: 'zstd-patch', hash, sha256: hash, base: sha256(says) } }, encoding }
}
