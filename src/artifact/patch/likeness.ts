// Whether anything of a base is in an artifact, looked at before a patch is made: to find in a base what is not there is what takes
// longest. Samples are matched as segments are. Invariant: as long as one of them is smaller by as much as a patch has to be, the
// whole patch is made; and a stretch of the artifact that is long enough for that has a sample in it, wherever it is.
import { constants as zlib, zstdCompressSync } from 'node:zlib'
import { limits } from '../../core/limits.ts'
import type { InstructionWriter } from '../../wire/instructions.ts'
import { SEGMENT_HEADER_BYTES } from '../../wire/patch.ts'
import type { Source } from '../source.ts'
import type { Fingerprints } from './fingerprints.ts'
import type { Matcher } from './match.ts'

/** What is large, made once, and used for samples and segments one after the other. */
export interface Tools {
  fingerprints: Fingerprints
  matcher: Matcher
  writer: InstructionWriter
  range: Uint8Array
}

/** A quick level: both sides of the comparison have it. */
const PARAMS = { [zlib.ZSTD_c_compressionLevel]: 3 }
/** Short artifacts are not worth the look: to try costs about as much. */
const WORTH = 2 * limits.patchSamples * limits.patchSampleBytes

/**
 * False when none of the samples is like the base.
 * @throws Failure E_ARTIFACT, E_ARTIFACT_CHANGED; the signal's reason
 */
export async function isLike(
  artifact: Source,
  old: Source,
  { fingerprints, matcher, writer, range, signal }: Tools & { signal: AbortSignal },
): Promise<boolean> {
  if (artifact.length < WORTH) return true
  const sample = Buffer.allocUnsafeSlow(limits.patchSampleBytes)
  for (let index = 0; index < limits.patchSamples; index++) {
    signal.throwIfAborted()
    // In the middle of its part of the artifact.
    const at = Math.floor(((index + 0.5) / limits.patchSamples) * artifact.length - sample.length / 2)
    if ((await artifact.readAt(sample, at)) < sample.length) throw artifact.changed()
    const from = fingerprints.rangeFor(sample, at - (limits.patchRangeBytes - sample.length) / 2)
    if ((await old.readAt(range, from)) < range.length) throw old.changed()
    const instructions = writer.write(matcher.match(sample, range), range, sample)
    if (packed(instructions) + SEGMENT_HEADER_BYTES < limits.patchShare * packed(sample)) return true
  }
  return false
}

function packed(bytes: Uint8Array): number {
  return zstdCompressSync(bytes, { params: PARAMS }).length
}
