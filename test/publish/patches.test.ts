import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { encodeArtifact } from '../../src/artifact/encode.ts'
import { makePatches } from '../../src/publish/patches.ts'
import { randomArtifact } from '../e2e/releases.ts'

const MIB = 1_048_576

describe('the patches of a release', () => {
  it('are not tried from a base that is too short to be worth it, unless somebody named it', async () => {
    const into = await mkdtemp(join(tmpdir(), 'pimesh-patches-'))
    onTestFinished(() => rm(into, { recursive: true, force: true }))
    const signal = new AbortController().signal
    const next = randomArtifact(2 * MIB)
    const [file, base] = [join(into, 'next'), join(into, 'base')]
    await writeFile(file, next.bytes)
    const encoded = await encodeArtifact({ file, into, progress: () => undefined, signal })
    const from = async (length: number, nodes: number | undefined) => {
      const bytes = next.bytes.subarray(0, length)
      await writeFile(base, bytes)
      const packed = await encodeArtifact({
        file: base,
        into: await mkdtemp(join(into, 'base-')),
        progress: () => undefined,
        signal,
      })
      const { encoding, artifact } = packed
      const one = { name: 'acme/agent@1', file: packed.path, packed: { encoding, artifact }, ...(nodes && { nodes }) }
      return await makePatches([one], { file, encoded, into, signal })
    }
    expect(await from(MIB / 8, 3)).toEqual({ patches: [], notes: [] })
    expect((await from(MIB, 3)).patches).toMatchObject([{ from: 'acme/agent@1', nodes: 3 }])
    const named = await from(MIB / 8, undefined)
    expect([named.patches.length, named.notes.length]).toEqual([0, 1])
  })
})
